"""Holds the catalogue against what Google lists: missing voices, genders that differ. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from schemas.words import VoiceModel
from worker.speech.catalogue import Catalogue, Voice


@dataclass(frozen=True)
class CharacterVoice:
    """A character's voice, and the gender that Google gives it; None where Google has no such voice."""

    character: str
    language: str
    voice: Voice
    gender: str | None


@dataclass(frozen=True)
class VoiceFinding:
    """What is wrong with a character's voices; only an error makes jobs fail."""

    character: str
    error: bool
    message: str


def character_voices(catalogue: Catalogue, listed: Mapping[str, str]) -> list[CharacterVoice]:
    """Every voice of the catalogue.

    Args:
        catalogue: the characters.
        listed: the gender of each voice that Google lists, by name.
    """
    return [
        CharacterVoice(character, language, voice, listed.get(voice.name))
        for character, entry in catalogue.characters.items()
        for language in entry.wavenet
        for voice_model in VoiceModel
        if (voice := catalogue.voice(character, language, voice_model)) is not None
    ]


def check_voices(catalogue: Catalogue, listed: Mapping[str, str]) -> list[VoiceFinding]:
    """What is wrong, errors first."""
    voices = character_voices(catalogue, listed)
    findings = [
        VoiceFinding(each.character, error=True, message=f"Google lists no voice {each.voice.name}")
        for each in voices
        if each.gender is None
    ]
    for character in catalogue.characters:
        findings += _gender_findings([each for each in voices if each.character == character])
    return findings


def _gender_findings(voices: list[CharacterVoice]) -> Iterator[VoiceFinding]:
    """A character that is a man in one voice and a woman in another, in any language: it is one character."""
    told = {each.voice.name: each.gender for each in voices if each.gender}
    if len(set(told.values())) > 1:
        names = ", ".join(f"{name} is {gender}" for name, gender in told.items())
        yield VoiceFinding(voices[0].character, error=False, message=f"{names}; the change will be heard")
