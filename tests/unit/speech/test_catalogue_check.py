"""What is wrong with the catalogue's voices, before it makes a line fail."""

from __future__ import annotations

from typing import Any

from loadtest.emulator.voices import VOICES
from schemas.enums import VoiceModel
from tests.unit.makers import CATALOGUE
from worker.speech.catalogue import Catalogue, Character, Language
from worker.speech.catalogue_check import VoiceFinding, character_voices, check_voices

LISTED = {name: voice.gender for name, voice in VOICES.items()}


def found(listed: dict[str, Any] = LISTED, **changes: Any) -> list[VoiceFinding]:
    hero = {
        "kind": "brave",
        "chirp": "Kore",
        "pitch": 0,
        "rate": 1,
        "wavenet": {"en-US": "en-US-Wavenet-C"},
        "wavenet_second": {"en-US": "en-US-Wavenet-E"},
    }
    catalogue = Catalogue(
        languages={"en-US": Language(chirp_locale="en-US")},
        characters={"hero": Character.model_validate({**hero, **changes})},
    )
    return check_voices(catalogue, listed)


def test_the_shipped_catalogue_has_only_the_finding_that_codsworths_voices_differ_in_gender() -> None:
    assert [(each.error, each.character) for each in check_voices(CATALOGUE, LISTED)] == [(False, "codsworth")]


def test_a_voice_that_google_does_not_list_is_an_error_the_second_one_too() -> None:
    for gone in ("en-US-Wavenet-C", "en-US-Wavenet-E", "en-US-Chirp3-HD-Kore"):
        (finding,) = found({name: gender for name, gender in LISTED.items() if name != gone})
        assert finding.error
        assert gone in finding.message


def test_one_wavenet_voice_alone_is_a_warning_that_says_what_to_add() -> None:
    for second in ({}, {"en-US": "en-US-Wavenet-C"}):
        (finding,) = found(wavenet_second=second)
        assert not finding.error
        assert "en-US-Wavenet-C (en-US)" in finding.message
        assert "wavenet_second" in finding.message


def test_a_second_voice_of_another_gender_is_a_warning() -> None:
    (finding,) = found(wavenet_second={"en-US": "en-US-Wavenet-A"})
    assert not finding.error
    assert "en-US-Wavenet-A is male" in finding.message


def test_the_second_voices_are_listed_beside_the_first_ones() -> None:
    names = [each.voice.name for each in character_voices(CATALOGUE, LISTED) if each.character == "pip_boy"]
    assert names[:3] == ["en-US-Chirp3-HD-Puck", "en-US-Wavenet-I", "en-US-Wavenet-A"]
    assert set(VoiceModel) == {each.voice.voice_model for each in character_voices(CATALOGUE, LISTED)}
