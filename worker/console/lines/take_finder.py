"""Finds the stored takes of a line by their keys, as the pipeline makes them; makes none."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from schemas.enums import VoiceModel
from schemas.job import Job
from worker.speech.catalogue import Catalogue, Voice
from worker.speech.render import render
from worker.storage.takes import StoredTake, take_key

LookUp = Callable[[str], Awaitable[StoredTake | None]]
"""The stored take of a key, or None; raises StorageError."""


@dataclass(frozen=True)
class FoundTake:
    """A voice that may speak the line, and its take if that is stored."""

    voice: Voice
    key: str
    stored: StoredTake | None


class TakeFinder:
    """Finds takes.

    Args:
        prefix: of the takes' keys in the bucket.
        look_up: asks the store.
    """

    def __init__(self, catalogue: Catalogue, prefix: str, look_up: LookUp) -> None:
        self._catalogue = catalogue
        self._prefix = prefix
        self._look_up = look_up

    async def find(self, job: Job) -> list[FoundTake]:
        """One entry for each voice that may speak the line: the forced one, or one of each voice model.

        Raises:
            InvalidJobError: the catalogue has no such character, language or voice.
            StorageError: the store didn't answer.
        """
        job = self._catalogue.localized(job)
        forced = self._catalogue.admit(job)
        found = []
        for voice in self._voices(job, forced):
            rendered = render(job, self._catalogue.characters[job.character], voice)
            key = take_key(self._prefix, job.character, rendered, job.take)
            found.append(FoundTake(voice, key, await self._look_up(key)))
        return found

    def _voices(self, job: Job, forced: Voice | VoiceModel | None) -> Iterator[Voice]:
        if isinstance(forced, Voice):
            yield forced
            return
        for voice_model in VoiceModel if forced is None else (forced,):
            voice = self._catalogue.voice(job.character, job.language, voice_model)
            if voice is not None:
                yield voice
