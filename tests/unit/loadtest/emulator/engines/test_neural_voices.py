"""Which model speaks which of Google's voices."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.demo.neural_cast import cast_of
from loadtest.emulator.engines.neural_voices import (
    HIGHEST_ST,
    NeuralVoice,
    all_styles,
    heard_pitch_st,
    neural_voice,
)
from loadtest.emulator.voices import VOICES
from worker.speech.catalogue_file import load_catalogue

ALL = all_styles()
NONE: frozenset[str] = frozenset()


def found(name: str, styles: frozenset[str] = ALL) -> NeuralVoice:
    voice = neural_voice(VOICES[name], styles)
    assert voice is not None
    return voice


def test_piper_speaks_english_wavenet_and_kokoro_the_rest() -> None:
    assert found("en-US-Wavenet-B").engine == "piper"
    assert found("en-US-Chirp3-HD-Puck").engine == "kokoro"
    assert found("cmn-TW-Wavenet-B").engine == "kokoro"
    assert found("cmn-CN-Chirp3-HD-Puck").language == "cmn"


def test_other_languages_have_none() -> None:
    assert neural_voice(VOICES["de-DE-Wavenet-A"], ALL) is None
    assert neural_voice(VOICES["ja-JP-Chirp3-HD-Puck"], ALL) is None


@pytest.mark.parametrize("styles", [ALL, NONE], ids=["all styles", "the weights' own"])
@pytest.mark.parametrize("locale", ["en-US", "en-GB", "cmn-TW", "cmn-CN"])
@pytest.mark.parametrize("model", ["chirp3-hd", "wavenet"])
def test_no_two_voices_of_a_voice_model_sound_the_same(model: str, locale: str, styles: frozenset[str]) -> None:
    voices = [voice for voice in VOICES.values() if (voice.model, voice.locale) == (model, locale)]
    sounds = {found(voice.name, styles) for voice in voices}
    assert len(sounds) == len(voices)
    assert all(abs(sound.pitch_st) <= HIGHEST_ST for sound in sounds)


def test_a_style_has_the_gender_of_its_voice() -> None:
    for styles in (ALL, NONE):
        for voice in VOICES.values():
            sound = neural_voice(voice, styles)
            if sound is not None and sound.engine == "kokoro":
                assert sound.style[1] == voice.gender[0], voice.name


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_a_higher_pitch_is_heard_higher_and_never_leaves_what_a_person_can_sound_like(one: float, other: float) -> None:
    voice = found("en-US-Wavenet-B")
    low, high = heard_pitch_st(voice, min(one, other)), heard_pitch_st(voice, max(one, other))
    assert -HIGHEST_ST <= low <= high <= HIGHEST_ST


@pytest.mark.parametrize("styles", [ALL, NONE], ids=["all styles", "the weights' own"])
def test_each_of_the_fourteen_characters_has_its_own_sound_in_each_language(styles: frozenset[str]) -> None:
    catalogue = load_catalogue()
    cast = cast_of(catalogue, styles)
    assert {part.character for part in cast} == catalogue.names
    for column in ("chirp", "wavenet", "mandarin"):
        # The pace is the characters' too.
        sounds = {(getattr(part, column), catalogue.characters[part.character].rate) for part in cast}
        assert len(sounds) == len(cast), column
