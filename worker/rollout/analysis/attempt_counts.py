"""Exact attempt counts: each attempt once by its id, in cells by the time step in which it ended. Pure.

Complaints are counted beside them, in the step in which they were published.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from schemas.enums import AttemptResult, VoiceModel
from worker.rollout.analysis.observations import Observation
from worker.rollout.analysis.tally import CellKey, Tally

MAX_PUBLISH_DELAY: Final = timedelta(hours=6)
"""An attempt isn't counted if its record was published more than this after its end, or before it.

Ids are dropped after this time, so that a later repeat couldn't be recognised.
"""
_ID_SLOT: Final = timedelta(hours=1)


class Complaints(NamedTuple):
    """Reports about the completions of one cell and step.

    Attributes:
        key: of the cell.
        heard: the step in which the completions' attempts or stored takes are counted.
        reports: as `Tally.complaints`.
        complainers: as `Tally.complainers`.
    """

    key: CellKey
    heard: int
    reports: int
    complainers: int


class AttemptCounts:
    """The attempts of all stages that were read.

    Args:
        resolution: the length of a step; steps are numbered from 1970. An attempt counts in the step of its end.

    Attributes:
        counted: attempts and stored takes.
        late: how many attempts came too late to be counted.
        repeated: how many were counted already: the records of a retried job list its earlier attempts again.
        changes: rises with each attempt that is counted in a step before the newest settled one.
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
        self._complaints: defaultdict[int, list[Complaints]] = defaultdict(list)
        self._settled = -1

    def step_at(self, time: datetime) -> int:
        """Return the number of the step that includes a time."""
        return int(time.timestamp() // self._resolution_s)

    def step_start(self, step: int) -> datetime:
        """Return the begin of a step."""
        return datetime.fromtimestamp(step * self._resolution_s, UTC)

    def add(self, observation: Observation, band: int, published_at: datetime) -> bool:
        """Count one attempt or stored take; False if it is a repeat, or too late.

        Args:
            observation: as it was published.
            band: the number of its text's length band.
            published_at: its record's time.
        """
        slot = _id_slot(observation.ended_at)
        if observation.id in self._ids.get(slot, ()):
            self.repeated += 1
            return False
        if abs(published_at - observation.ended_at) > MAX_PUBLISH_DELAY:
            self.late += 1
            return False
        self._ids[slot].add(observation.id)
        self.counted += 1
        step = self.step_at(observation.ended_at)
        self._tally(step, cell_key(observation, band)).add(observation)
        if step < self._settled:
            self.changes += 1
        return True

    def add_tally(self, step: int, key: CellKey, tally: Tally) -> None:
        """Count many attempts that the caller knows to be new; the tally must not be changed afterwards."""
        if tally.complaints:
            self._complaints[step].append(Complaints(key, step, tally.complaints, tally.complainers))
        cells = self._steps.setdefault(step, {})
        if key in cells:
            cells[key].merge(tally)
        else:
            cells[key] = tally

    def add_complaint(self, published_at: datetime, key: CellKey, heard: int, *, is_first_of_user: bool) -> None:
        """Count a report.

        It counts in the step in which it was published, and no earlier than its completion; if that has been evaluated
        already, in the first one that hasn't: a report may come at any time, so that none changes what was evaluated.

        Args:
            published_at: its record's time.
            key: the cell of the completion that it is about.
            heard: the step of that completion.
            is_first_of_user: whether it is its user's first of the day for the voice model.
        """
        step = max(self.step_at(published_at), heard, self._settled)
        tally = self._tally(step, key)
        tally.complaints += 1
        tally.complainers += is_first_of_user
        self._complaints[step].append(Complaints(key, heard, 1, int(is_first_of_user)))

    def settle(self, step: int) -> None:
        """Note that steps before this one have been evaluated: an attempt that comes later for them is a change."""
        self._settled = max(self._settled, step)

    def forget(self, before: datetime) -> None:
        """Drop the cells of steps that ended before a time."""
        oldest = self.step_at(before)
        for step in [step for step in self._steps if step < oldest]:
            del self._steps[step]
        for step in [step for step in self._complaints if step < oldest]:
            del self._complaints[step]

    def forget_ids(self, read_to: datetime) -> None:
        """Drop the ids that can't be published again.

        Args:
            read_to: everything published before it has been read, except for an hour by which clocks may differ.
        """
        oldest = _id_slot(read_to - MAX_PUBLISH_DELAY - _ID_SLOT)
        for slot in [slot for slot in self._ids if slot < oldest]:
            del self._ids[slot]

    def cells(self, first: int, end: int) -> Iterator[tuple[int, dict[CellKey, Tally]]]:
        """Yield the steps from `first` to before `end` that have attempts, the oldest first."""
        if end - first <= len(self._steps):
            for step in range(first, end):
                if step in self._steps:
                    yield step, self._steps[step]
        else:
            for step in sorted(step for step in self._steps if first <= step < end):
                yield step, self._steps[step]

    def complaints(self, first: int, end: int) -> Iterator[Complaints]:
        """Yield the reports that were published in the steps from `first` to before `end`."""
        for step in range(first, end):
            yield from self._complaints.get(step, ())

    def by_result(self) -> dict[tuple[VoiceModel, str, AttemptResult], int]:
        """Return all attempts by voice model, character and result, as `tts_synthesis_total` counts them."""
        counts: defaultdict[tuple[VoiceModel, str, AttemptResult], int] = defaultdict(int)
        for cells in self._steps.values():
            for key, tally in cells.items():
                counts[key.voice_model, key.character, AttemptResult.ERROR] += tally.errors
                counts[key.voice_model, key.character, AttemptResult.SUCCESS] += tally.attempts - tally.errors
        return {key: count for key, count in counts.items() if count}

    def _tally(self, step: int, key: CellKey) -> Tally:
        return self._steps.setdefault(step, {}).setdefault(key, Tally())


def _id_slot(time: datetime) -> int:
    return int(time.timestamp() // _ID_SLOT.total_seconds())


def cell_key(observation: Observation, band: int) -> CellKey:
    """Return the cell that an observation is counted in."""
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
