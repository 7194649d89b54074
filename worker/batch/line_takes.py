"""The keys of a line's takes by their numbers, and the pairs of them that a director hears side by side. Pure."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from schemas.enums import VoiceModel
from schemas.pair import Pair, PairedTake
from schemas.parsing import InvalidJobError
from worker.batch.entry import ManifestEntry
from worker.batch.scripts.model import MOST_TAKES, Line
from worker.batch.voice_selection import KeepTogether, PlannedLine, VoicePreference, VoiceSelector
from worker.rollout.state import RolloutState
from worker.speech.catalogue import Catalogue

# A voice model that is named needs no rollout.
_ANY_STATE: Final = RolloutState(enabled=False, percentage=0, characters=None)


class LineTakes:
    """Computes the takes of lines as their present text and voice make them.

    Args:
        prefix: of takes' keys.
        now: with an offset.
    """

    def __init__(self, catalogue: Catalogue, prefix: str, now: datetime) -> None:
        self._selector = VoiceSelector(catalogue, _ANY_STATE, now, prefix)

    def numbers(self, line: Line, entry: ManifestEntry) -> dict[str, int]:
        """The numbers of the line's possible takes by their keys.

        Args:
            entry: of the line in the manifest: the voice model that spoke it speaks all.
        """
        return self.numbers_by(line, entry.voice_model or entry.decided)

    def numbers_by(self, line: Line, voice_model: VoiceModel) -> dict[str, int]:
        """The numbers of the line's possible takes by a voice model, by their keys; the line's own voice wins."""
        return {self._spoken_by(line, voice_model, number).key: number for number in range(1, MOST_TAKES + 1)}

    def is_take(self, line: Line, entry: ManifestEntry, number: int) -> bool:
        """Whether an entry's audio is this take of the line as it is now, by the voice model that spoke it."""
        try:
            key = self._planned(line, entry, number).key
        except InvalidJobError:
            # The characters file has changed: nobody could make this take now.
            return False
        return key in {entry.key, entry.asked}

    def pairs(
        self, line: Line, entry: ManifestEntry, stored: Mapping[str, int], *, time: datetime, source: str
    ) -> Iterator[Pair]:
        """The pairs to be heard: the take that is used now beside each other one.

        Args:
            stored: the numbers of the takes that are stored, by their keys.
            time: when the pairs are made.
            source: URI reference of who makes them.
        """
        keys = {number: key for key, number in stored.items()}
        used = line.job.take if line.job.take in keys else min(keys, default=0)
        for other in sorted(keys.keys() - {used}):
            first, second = sorted((used, other))
            heard = "\n".join((line.job.character, line.id, keys[first], keys[second]))
            yield Pair(
                pair_id=f"takes-{hashlib.sha256(heard.encode()).hexdigest()[:20]}",
                character=line.job.character,
                line=line.id,
                language=line.job.language,
                text=line.job.text or line.job.ssml or "",
                first=self._paired(line, entry, first),
                second=self._paired(line, entry, second),
                time=time.isoformat(),
                source=source,
            )

    def _paired(self, line: Line, entry: ManifestEntry, number: int) -> PairedTake:
        planned = self._planned(line, entry, number)
        voice = planned.voice
        return PairedTake(audio=planned.key, voice_model=voice.voice_model, voice=voice.name, take=number)

    def _planned(self, line: Line, entry: ManifestEntry, number: int) -> PlannedLine:
        return self._spoken_by(line, entry.voice_model or entry.decided, number)

    def _spoken_by(self, line: Line, voice_model: VoiceModel, number: int) -> PlannedLine:
        job = line.job.model_copy(update={"take": number})
        preference = VoicePreference(KeepTogether.LINE, voice_model)
        (planned,) = self._selector.select([replace(line, job=job)], preference)
        return planned
