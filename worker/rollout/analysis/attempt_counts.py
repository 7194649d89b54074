"""The ledger: attempts counted exactly, each once by its id, in cells by the time in which they ended. Pure."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from schemas.words import AttemptResult, VoiceModel
from worker.rollout.analysis.tally import CellKey, Observation, Tally

LATEST: Final = timedelta(hours=6)
"""An attempt that is published later after its end, or as long before, isn't counted: ids can't be kept for ever."""
_ID_SLOT: Final = timedelta(hours=1)


class AttemptCounts:
    """All attempts that were read, of all stages.

    Args:
        resolution: an attempt counts in the step, so long, in which it ended; steps are counted from 1970.

    Attributes:
        counted: attempts and stored takes.
        late: how often an attempt came too late to be counted.
        repeated: attempts that were there already: a retried job's records list the earlier ones again.
        changes: rises with each attempt that is counted in an older step than the newest settled one.
    """

    def __init__(self, resolution: timedelta) -> None:
        self.resolution = resolution
        self._resolution_s = resolution.total_seconds()
        self.counted = 0
        self.late = 0
        self.repeated = 0
        self.changes = 0
        self._steps: dict[int, dict[CellKey, Tally]] = {}
        self._ids: defaultdict[int, set[str]] = defaultdict(set)
        self._settled = -1

    def step_of(self, time: datetime) -> int:
        """The number of the step that a time falls into."""
        return int(time.timestamp() // self._resolution_s)

    def start_of(self, step: int) -> datetime:
        """When a step begins."""
        return datetime.fromtimestamp(step * self._resolution_s, UTC)

    def add(self, observation: Observation, band: int, published_at: datetime) -> bool:
        """Counts one attempt or stored take; whether it is counted now.

        Args:
            observation: as it was published.
            band: the number of its text's length band.
            published_at: its record's time.
        """
        slot = _slot_of(observation.ended_at)
        if observation.id in self._ids.get(slot, ()):
            self.repeated += 1
            return False
        if abs(published_at - observation.ended_at) > LATEST:
            self.late += 1
            return False
        self._ids[slot].add(observation.id)
        self.counted += 1
        step = self.step_of(observation.ended_at)
        self._tally(step, _key(observation, band)).add(observation)
        if step < self._settled:
            self.changes += 1
        return True

    def add_tally(self, step: int, key: CellKey, tally: Tally) -> None:
        """Counts many at once, for who knows them to be new; the tally is the ledger's from then on."""
        cells = self._steps.setdefault(step, {})
        if key in cells:
            cells[key].merge(tally)
        else:
            cells[key] = tally

    def settle(self, step: int) -> None:
        """Says that steps before this one are judged: what comes for them now changes what was said."""
        self._settled = max(self._settled, step)

    def forget(self, before: datetime) -> None:
        """Drops the cells of steps that ended before a time, which nobody asks for any more."""
        oldest = self.step_of(before)
        for step in [step for step in self._steps if step < oldest]:
            del self._steps[step]

    def forget_ids(self, read_to: datetime) -> None:
        """Drops the ids that can't come again.

        Args:
            read_to: all that was published before it is read, but for an hour by which clocks may differ.
        """
        oldest = _slot_of(read_to - LATEST - _ID_SLOT)
        for slot in [slot for slot in self._ids if slot < oldest]:
            del self._ids[slot]

    def cells(self, first: int, end: int) -> Iterator[tuple[int, dict[CellKey, Tally]]]:
        """The steps from `first` to before `end` that have attempts, the oldest first."""
        if end - first <= len(self._steps):
            for step in range(first, end):
                if step in self._steps:
                    yield step, self._steps[step]
        else:
            for step in sorted(step for step in self._steps if first <= step < end):
                yield step, self._steps[step]

    def counts(self) -> dict[tuple[VoiceModel, str, AttemptResult], int]:
        """All attempts by voice model, character and result, as `tts_synthesis_total` counts them."""
        counts: defaultdict[tuple[VoiceModel, str, AttemptResult], int] = defaultdict(int)
        for cells in self._steps.values():
            for key, tally in cells.items():
                counts[key.voice_model, key.character, AttemptResult.ERROR] += tally.errors
                counts[key.voice_model, key.character, AttemptResult.SUCCESS] += tally.attempts - tally.errors
        return {key: count for key, count in counts.items() if count}

    def _tally(self, step: int, key: CellKey) -> Tally:
        return self._steps.setdefault(step, {}).setdefault(key, Tally())


def _slot_of(time: datetime) -> int:
    return int(time.timestamp() // _ID_SLOT.total_seconds())


def _key(observation: Observation, band: int) -> CellKey:
    return CellKey(
        observation.lane,
        observation.character,
        observation.language,
        band,
        observation.voice_model,
        observation.decided,
        observation.reason,
        observation.revision,
        observation.first,
    )
