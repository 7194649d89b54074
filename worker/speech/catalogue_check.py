"""Checks the catalogue against the voices that Google lists: missing and single voices, different genders. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from schemas.enums import VoiceModel
from worker.speech.catalogue import Catalogue, Voice


@dataclass(frozen=True)
class CharacterVoice:
    """A character's voice, and its gender by Google's list; None if Google lists no such voice.

    `is_second`: it speaks once Google has the character's WaveNet voice no more.
    """

    character: str
    language: str
    voice: Voice
    gender: str | None
    is_second: bool = False


@dataclass(frozen=True)
class VoiceFinding:
    """A fault of a character's voices; only an `error` makes jobs fail."""

    character: str
    error: bool
    message: str


def character_voices(catalogue: Catalogue, listed: Mapping[str, str]) -> list[CharacterVoice]:
    """Every voice of the catalogue.

    Args:
        listed: the gender of each voice that Google lists, by name.
    """
    return [
        CharacterVoice(character, language, voice, listed.get(voice.name), is_second=is_second)
        for character, entry in catalogue.characters.items()
        for language in entry.wavenet
        for voice, is_second in _voices(catalogue, character, language)
    ]


def _voices(catalogue: Catalogue, character: str, language: str) -> Iterator[tuple[Voice, bool]]:
    for voice_model in VoiceModel:
        if (voice := catalogue.voice(character, language, voice_model)) is not None:
            yield voice, False
    if (second := catalogue.second_voice(character, language)) is not None:
        yield second, True


def check_voices(catalogue: Catalogue, listed: Mapping[str, str]) -> list[VoiceFinding]:
    """The faults of the catalogue, errors first."""
    voices = character_voices(catalogue, listed)
    findings = [
        VoiceFinding(each.character, error=True, message=f"Google lists no voice {each.voice.name}")
        for each in voices
        if each.gender is None
    ]
    for character in catalogue.characters:
        findings += _gender_findings([each for each in voices if each.character == character])
        findings += _single_voice_findings(catalogue, character)
    return findings


def _gender_findings(voices: list[CharacterVoice]) -> Iterator[VoiceFinding]:
    """Finds a character that is male in one voice and female in another, in any languages: it is one character."""
    genders = {each.voice.name: each.gender for each in voices if each.gender}
    if len(set(genders.values())) > 1:
        names = ", ".join(f"{name} is {gender}" for name, gender in genders.items())
        yield VoiceFinding(voices[0].character, error=False, message=f"{names}; players will notice the change")


def _single_voice_findings(catalogue: Catalogue, character: str) -> Iterator[VoiceFinding]:
    entry = catalogue.characters[character]
    single = [
        f"{name} ({language})"
        for language, name in entry.wavenet.items()
        if entry.wavenet_second.get(language, name) == name
    ]
    if single:
        message = (
            f"no second voice for {', '.join(single)}: if Google removes one, its lines become dead letters; "
            "add wavenet_second"
        )
        yield VoiceFinding(character, error=False, message=message)
