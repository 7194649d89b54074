"""The built-in catalogue has the documented voices, refuses other ones; a broken file is reported in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadtest.emulator.voices import VOICES as VOICES_OF_GOOGLE
from schemas.errors import UsageError
from schemas.parsing import InvalidJobError
from tests.unit.makers import CATALOGUE, CHIRP, WAVENET, job
from worker.speech.catalogue import Catalogue, Voice
from worker.speech.catalogue_file import load_catalogue

# facts/voices.md: Chirp name, cmn-TW WaveNet letter, pitch in semitones, rate.
VOICES = {
    "super_mutant": ("Algenib", "C", -12, 0.65),
    "brotherhood_paladin": ("Alnilam", "C", -8, 0.75),
    "legion_centurion": ("Enceladus", "C", -10, 0.70),
    "ghoul": ("Fenrir", "B", -6, 0.80),
    "wasteland_trader": ("Achird", "B", -4, 0.90),
    "ncr_ranger": ("Iapetus", "B", -5, 0.85),
    "pip_boy": ("Puck", "B", 0, 1.00),
    "minuteman": ("Schedar", "B", -2, 0.95),
    "vault_dweller": ("Aoede", "A", 4, 1.10),
    "railroad_agent": ("Leda", "A", 3, 1.15),
    "brotherhood_scribe": ("Callirrhoe", "A", 5, 1.05),
    "codsworth": ("Despina", "B", 8, 1.25),
    "raider": ("Rasalgethi", "B", -3, 1.30),
    "institute_scientist": ("Kore", "A", 6, 1.15),
}


def test_the_built_in_characters_are_the_fourteen() -> None:
    assert CATALOGUE.names == frozenset(VOICES)


@pytest.mark.parametrize("key", VOICES)
def test_a_character_has_the_voices_pitch_and_rate_of_its_authors(key: str) -> None:
    chirp, letter, pitch, rate = VOICES[key]
    character = CATALOGUE.characters[key]
    assert (character.chirp, character.pitch, character.rate) == (chirp, pitch, rate)
    chirp_voice = CATALOGUE.voice(key, "en-US", CHIRP)
    assert chirp_voice == Voice(name=f"en-US-Chirp3-HD-{chirp}", locale="en-US", voice_model=CHIRP)
    chinese = CATALOGUE.voice(key, "cmn-TW", WAVENET)
    assert chinese == Voice(name=f"cmn-TW-Wavenet-{letter}", locale="cmn-TW", voice_model=WAVENET)


@pytest.mark.parametrize("key", VOICES)
def test_an_english_wavenet_voice_has_the_gender_of_the_chirp_voice(key: str) -> None:
    female = {"Aoede", "Leda", "Callirrhoe", "Despina", "Kore"}
    voice = CATALOGUE.voice(key, "en-US", WAVENET)
    assert voice is not None
    letters = "CEFGH" if CATALOGUE.characters[key].chirp in female else "ABDIJ"
    assert voice.name.removeprefix("en-US-Wavenet-") in set(letters)


@pytest.mark.parametrize("key", VOICES)
@pytest.mark.parametrize("language", ["en-US", "cmn-TW"])
def test_each_character_has_another_wavenet_voice_of_its_gender_for_when_the_first_is_gone(
    key: str, language: str
) -> None:
    first, second = CATALOGUE.voice(key, language, WAVENET), CATALOGUE.second_voice(key, language)
    assert first is not None
    assert second is not None
    assert first.name != second.name
    assert VOICES_OF_GOOGLE[first.name].gender == VOICES_OF_GOOGLE[second.name].gender
    assert second.locale == "-".join(second.name.split("-")[:2])


def test_chirp_speaks_english_and_no_taiwanese_mandarin() -> None:
    assert CATALOGUE.chirp_speaks("en-US")
    assert not CATALOGUE.chirp_speaks("cmn-TW")
    assert CATALOGUE.voice("pip_boy", "cmn-TW", CHIRP) is None


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"character": "pip_bot"}, "character", "pip_boy"),
        ({"character": "../../etc/passwd"}, "character", "unknown"),
        ({"character": "pip_boy\n"}, "character", "unknown"),
        ({"character": "PIP_BOY"}, "character", "unknown"),
        ({"character": "中\u2028"}, "character", "\\u2028"),
        ({"language": "de-DE"}, "language", "en-US"),
        ({"voice": "chirp"}, "voice", "chirp3-hd, wavenet"),
        ({"voice": "Chirp3-HD"}, "voice", "chirp3-hd"),
        ({"voice": "en-US-Standard-A"}, "voice", "full voice name"),
        ({"voice": "en-US-Wavenet-B\n"}, "voice", "full voice name"),
        ({"voice": "x en-US-Wavenet-B"}, "voice", "full voice name"),
        ({"voice": "../en-US-Wavenet-B"}, "voice", "full voice name"),
        ({"voice": "de-DE-Wavenet-B"}, "voice", "en-US"),
        ({"voice": "chirp3-hd", "language": "cmn-TW"}, "voice", "cmn-TW"),
        ({"voice": "cmn-CN-Chirp3-HD-Puck", "language": "cmn-TW"}, "voice", "cmn-TW"),
    ],
)
def test_what_the_catalogue_does_not_have_is_refused_by_field(change: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(InvalidJobError) as caught:
        CATALOGUE.admit(job(**change))
    assert caught.value.field == field
    assert says in caught.value.message
    assert caught.value.job_id == "job-1"
    caught.value.message.encode()


@pytest.mark.parametrize(
    ("voice", "forced"),
    [
        (None, None),
        ("chirp3-hd", CHIRP),
        ("wavenet", WAVENET),
        ("en-US-Wavenet-J", Voice(name="en-US-Wavenet-J", locale="en-US", voice_model=WAVENET)),
        ("en-US-Chirp3-HD-Kore", Voice(name="en-US-Chirp3-HD-Kore", locale="en-US", voice_model=CHIRP)),
    ],
)
def test_a_job_may_force_a_voice_model_or_a_voice(voice: str | None, forced: object) -> None:
    assert CATALOGUE.admit(job(voice=voice)) == forced


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "characters.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


GOOD = """
languages: {en-US: {chirp_locale: en-US}, cmn-TW: {chirp_locale: cmn-CN}}
characters:
  hero: {kind: brave, chirp: Kore, pitch: 1, rate: 1, wavenet: {en-US: en-US-Wavenet-A, cmn-TW: cmn-TW-Wavenet-A}}
"""


def test_an_owner_may_prefer_the_mainland_accent(tmp_path: Path) -> None:
    catalogue = load_catalogue(written(tmp_path, GOOD))
    voice = catalogue.voice("hero", "cmn-TW", CHIRP)
    assert voice == Voice(name="cmn-CN-Chirp3-HD-Kore", locale="cmn-CN", voice_model=CHIRP)
    forced = catalogue.admit(job(character="hero", language="cmn-TW", voice="cmn-CN-Chirp3-HD-Puck"))
    assert isinstance(forced, Voice)
    assert forced.locale == "cmn-CN"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"\xff\xfe", "utf-8"),
        ("a: [", "flow node"),
        ("", "dictionary"),
        ("[]", "dictionary"),
        ("[" * 1_500, ""),
        ("x: !!python/object/apply:os.system ['true']", "constructor"),
        (GOOD.replace("pitch: 1", "pitch: 21"), "characters.hero.pitch"),
        (GOOD.replace("pitch: 1", "pitch: .nan"), "characters.hero.pitch"),
        (GOOD.replace("rate: 1", "rate: 0.1"), "characters.hero.rate"),
        (GOOD.replace("rate: 1, ", ""), "characters.hero.rate"),
        (GOOD.replace("kind: brave", "kind: 2026-13-45"), "month"),
        (GOOD.replace("kind: brave", "kind: !!bool maybe"), "maybe"),
        (GOOD.replace("kind: brave", "kind: !!timestamp x"), "groupdict"),
        (GOOD.replace("kind:", "sort:"), "characters.hero"),
        (GOOD.replace("en-US-Wavenet-A", "en-US-Chirp3-HD-Kore"), "characters.hero.wavenet.en-US"),
        (GOOD.replace("pitch: 1", "wavenet_second: {en-US: Kore}, pitch: 1"), "characters.hero.wavenet_second.en-US"),
        (GOOD.replace("en-US-Wavenet-A", "Wavenet-A"), "characters.hero.wavenet.en-US"),
        (GOOD.replace("{en-US: en-US-W", "{de-DE: de-DE-W"), "characters.hero.wavenet.de-DE"),
        (GOOD.replace("hero:", "../../etc:"), "characters"),
        (GOOD.replace("hero:", "'a,b':"), "characters"),
        ("languages: {}\ncharacters: {}\n", "characters"),
        (GOOD[: GOOD.index("wavenet")] + "wavenet: {}}\n", "characters.hero.wavenet"),
    ],
)
def test_a_broken_file_is_told_in_one_line_that_names_it(tmp_path: Path, text: str | bytes, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load_catalogue(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert says in message
    assert len(message.splitlines()) == 1


def test_a_file_that_is_not_there_is_told_too(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(UsageError, match=str(path)):
            load_catalogue(path)


def test_a_catalogue_does_not_change() -> None:
    with pytest.raises(Exception, match="frozen"):
        CATALOGUE.languages = {}  # type: ignore[misc]
    assert isinstance(CATALOGUE, Catalogue)
