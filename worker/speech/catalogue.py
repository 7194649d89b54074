"""The catalogue of characters: each one's voices, by language and voice model. Pure."""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from schemas.enums import VoiceModel
from schemas.field_types import VOICE_NAME_PATTERN
from schemas.job import Job
from schemas.languages import find_language
from schemas.parsing import InvalidJobError

_VOICE_NAME: Final = re.compile(VOICE_NAME_PATTERN)
_MODELS: Final = {"Chirp3-HD": VoiceModel.CHIRP3_HD, "Wavenet": VoiceModel.WAVENET}
# A character's key is part of its takes' keys, an item in settings' lists, and a metric label.
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Language(_Part):
    """A language that jobs may request; `chirp_locale` is None if Chirp doesn't speak it.

    Chirp knows pause marks and pronunciations in most of its locales, not in all. The lint of scripts warns of it.
    """

    chirp_locale: str | None
    chirp_pauses: bool = True
    chirp_pronunciations: bool = True


class Character(_Part):
    """One character; `pitch` is in semitones and for WaveNet alone, `rate` is a factor.

    `wavenet_second` is the WaveNet voice by language that speaks once Google has the first one no more.
    """

    kind: str
    chirp: str
    wavenet: dict[str, str] = Field(min_length=1)
    wavenet_second: dict[str, str] = Field(default_factory=dict)
    pitch: float = Field(ge=-20, le=20)
    rate: float = Field(ge=0.25, le=2.0)


class Voice(_Part):
    """A voice by Google's name, and the locale for the request."""

    name: str
    locale: str
    voice_model: VoiceModel


class Catalogue(_Part):
    """All characters and languages."""

    languages: dict[str, Language]
    characters: dict[Key, Character] = Field(min_length=1)

    @cached_property
    def names(self) -> frozenset[str]:
        """The keys of all characters."""
        return frozenset(self.characters)

    def misnamed_wavenet_voices(self) -> Iterator[tuple[str, str]]:
        """Place and name of each WaveNet voice that is no WaveNet voice of a listed language."""
        for key, character in self.characters.items():
            for field, voices in (("wavenet", character.wavenet), ("wavenet_second", character.wavenet_second)):
                for language, name in voices.items():
                    found = _VOICE_NAME.fullmatch(name)
                    if language not in self.languages or found is None or found[2] != "Wavenet":
                        yield f"characters.{key}.{field}.{language}", name

    def chirp_speaks(self, language: str) -> bool:
        """Whether Chirp speaks the language."""
        return self.languages[language].chirp_locale is not None

    def voice(self, character: str, language: str, voice_model: VoiceModel) -> Voice | None:
        """The character's voice, or None if it has none in that language."""
        entry = self.characters[character]
        if voice_model is VoiceModel.CHIRP3_HD:
            locale = self.languages[language].chirp_locale
            if locale is None:
                return None
            return Voice(name=f"{locale}-Chirp3-HD-{entry.chirp}", locale=locale, voice_model=voice_model)
        return _wavenet(entry.wavenet.get(language))

    def second_voice(self, character: str, language: str) -> Voice | None:
        """The WaveNet voice that speaks in place of the character's first one; None if it has none."""
        return _wavenet(self.characters[character].wavenet_second.get(language))

    def localized(self, job: Job) -> Job:
        """The job with its language as this catalogue writes it, such as cmn-TW for zh-Hant-TW.

        A job in a language that its character doesn't speak is returned as it is, as is one of an unknown character.
        """
        character = self.characters.get(job.character)
        if character is None or job.language in character.wavenet:
            return job
        found = find_language(job.language, self.languages.keys() & character.wavenet.keys())
        return job if found is None else job.model_copy(update={"language": found})

    def admit(self, job: Job) -> Voice | VoiceModel | None:
        """Checks a job against the catalogue, and parses its `voice`.

        Returns:
            The voice or the voice model that the job forces, or None.

        Raises:
            InvalidJobError: there is no such character, language or voice; `field` says which.
        """
        character = self.characters.get(job.character)
        if character is None:
            raise InvalidJobError(
                "character",
                f"{job.character!a} is unknown; the characters are {', '.join(sorted(self.names))}",
                job.job_id,
            )
        job = self.localized(job)
        if job.language not in self.languages or job.language not in character.wavenet:
            raise InvalidJobError(
                "language",
                f"{job.language!r} is none of {job.character}'s; they are {', '.join(sorted(character.wavenet))}",
                job.job_id,
            )
        return self._forced(job)

    def _forced(self, job: Job) -> Voice | VoiceModel | None:
        if job.voice is None:
            return None
        if job.voice in set(VoiceModel):
            voice_model = VoiceModel(job.voice)
            if self.voice(job.character, job.language, voice_model) is None:
                raise InvalidJobError("voice", f"{voice_model} does not speak {job.language}", job.job_id)
            return voice_model
        found = _VOICE_NAME.fullmatch(job.voice)
        if found is None:
            raise InvalidJobError(
                "voice",
                f"{job.voice!a} is neither a voice model ({', '.join(VoiceModel)}) nor a full voice name",
                job.job_id,
            )
        allowed = {job.language, self.languages[job.language].chirp_locale}
        if found[1] not in allowed:
            raise InvalidJobError("voice", f"{job.voice!r} does not speak {job.language}", job.job_id)
        return Voice(name=job.voice, locale=found[1], voice_model=_MODELS[found[2]])


def _wavenet(name: str | None) -> Voice | None:
    return Voice(name=name, locale=_locale(name), voice_model=VoiceModel.WAVENET) if name else None


def _locale(voice_name: str) -> str:
    return "-".join(voice_name.split("-")[:2])
