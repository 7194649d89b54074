"""Measurements: the attempt counts of one stage by arm, window and character, as gates and rules need them. Pure."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from schemas.enums import DecisionReason, VoiceModel
from worker.rollout.analysis.attempt_counts import AttemptCounts
from worker.rollout.analysis.complaint_windows import ComplaintWindows
from worker.rollout.analysis.tally import CellKey, Group, RangeSums, Tally, sum_tallies

# Jobs that another stage's percentage may decide. An unlisted character's lines that Chirp can't speak are included.
_ROLLOUT_REASONS = frozenset({DecisionReason.IN_ROLLOUT, DecisionReason.OUTSIDE, DecisionReason.NOT_LISTED})


class CellPair(NamedTuple):
    """Both arms of one cell (window, lane, character, language, band): first attempts of the percentage's jobs."""

    character: str
    chirp: Tally
    control: Tally


class _Running(NamedTuple):
    """A running total of attempts: of each step that has any, the total up to its end."""

    steps: list[int]
    totals: list[int]


class Measurements:
    """The attempts that ended since a stage began, by decisions of its revisions, up to where time is settled.

    All times are rounded down to whole steps of the counts' resolution.

    Args:
        counts: of all attempts.
        since: when the stage began.
        stage_revision: attempts that an older revision decided don't belong to the stage.
        window: the comparison's window; a multiple of the resolution.

    Attributes:
        complaints: the reports about the completions of these attempts, by the comparison's windows.
    """

    def __init__(self, counts: AttemptCounts, since: datetime, stage_revision: int, window: timedelta) -> None:
        self.since = since
        self._counts = counts
        self._stage_revision = stage_revision
        self._per_window = window // counts.resolution
        self.complaints = ComplaintWindows(counts, stage_revision, self._per_window)
        self._first = self._settled = counts.step_at(since)
        self._changes = counts.changes
        self._chirp = RangeSums(partial(self._group_step, _chirp_groups))
        self._control = RangeSums(partial(self._group_step, _control_groups))
        self._lookups = RangeSums(partial(self._group_step, _lookup_groups))
        self._jobs = RangeSums(partial(self._group_step, _job_groups))
        self._arms = RangeSums(partial(self._group_step, _arm_groups))
        self._totals: dict[str | None, tuple[int, Tally]] = {}
        self._chirp_cache: dict[tuple[int, int, str | None], Tally] = {}
        self._ranges: dict[tuple[datetime, datetime], tuple[int, int]] = {}
        self._jobs_by_window: dict[tuple[int, frozenset[str] | None], int] = {}
        self._attempts_so_far: defaultdict[str | None, _Running] = defaultdict(lambda: _Running([], []))
        self._summed_to = self._first

    @property
    def until(self) -> datetime:
        """Time is settled up to here: everything that ended before has been published and counted."""
        return max(self.since, self._counts.step_start(self._settled))

    @property
    def changes(self) -> int:
        """Rises when an attempt is counted in a time that was settled: earlier results may be wrong."""
        return self._counts.changes

    def settle(self, until: datetime) -> None:
        """Note that everything that ended before a time has been published and counted."""
        self._settled = max(self._settled, self._counts.step_at(until))
        self._counts.settle(self._settled)
        self._chirp_cache.clear()
        self._ranges.clear()
        if self._changes != self._counts.changes:
            self._changes = self._counts.changes
            for each in (self._chirp, self._control, self._lookups, self._jobs, self._arms):
                each.clear()
            self._totals.clear()
            self._jobs_by_window.clear()
            self._attempts_so_far.clear()
            self.complaints.clear()
            self._summed_to = self._first

    def chirp(self, start: datetime, end: datetime, character: str | None = None) -> Tally:
        """Return Chirp's attempts for jobs that the percentage decided, of a character or of all."""
        first, last = self._range(start, end)
        if first == self._first:
            return self._chirp_since_begin(last, character)
        # Several rules use the same window in a round.
        key = (first, last, character)
        if key not in self._chirp_cache:
            self._chirp_cache[key] = self._chirp.total(first, last, character)
        return self._chirp_cache[key]

    def chirp_without(self, start: datetime, end: datetime, characters: Collection[str]) -> Tally:
        """Return the same of all characters but some."""
        if not characters:
            return self.chirp(start, end)
        by_character = self._chirp.totals(*self._range(start, end))
        return sum_tallies([each for name, each in by_character.items() if name is not None and name not in characters])

    def start_of_last(self, attempts: int, character: str | None = None) -> datetime:
        """Return the latest time since which Chirp had so many attempts; the stage's begin while it had fewer."""
        if self._summed_to < self._settled:
            self._sum_attempts()
        running = self._attempts_so_far[character]
        before = (running.totals[-1] if running.totals else 0) - attempts
        if before < 0:
            return self.since
        return self._counts.step_start(running.steps[bisect_right(running.totals, before)])

    def _sum_attempts(self) -> None:
        for step, cells in self._counts.cells(self._summed_to, self._settled):
            by_character: Counter[str | None] = Counter()
            for key, tally in cells.items():
                if key.revision >= self._stage_revision:
                    for group in _chirp_groups(key):
                        by_character[group] += tally.attempts
            for group, count in by_character.items():
                running = self._attempts_so_far[group]
                running.steps.append(step)
                running.totals.append(count + (running.totals[-1] if running.totals else 0))
        self._summed_to = self._settled

    def control(self, start: datetime, end: datetime, character: str | None = None) -> Tally:
        """Return the control arm: WaveNet's first attempts for jobs outside the percentage; never a fallback."""
        return self._control.total(*self._range(start, end), character)

    def lookups(self, voice_model: VoiceModel, start: datetime, end: datetime) -> Tally:
        """Return a model's attempts and stored takes: of `cached + attempts` look-ups, `cached` were hits."""
        return self._lookups.total(*self._range(start, end), voice_model)

    def jobs(self, start: datetime, end: datetime, characters: frozenset[str] | None) -> Tally:
        """Return the first attempts of both models for some characters, or all: what a stage that lists them affects.

        Jobs of characters that aren't listed now are included; forced and excluded ones are not.
        """
        return self._jobs_in(*self._range(start, end), characters)

    def busiest_window(self, start: datetime, end: datetime, characters: frozenset[str] | None) -> int:
        """Return the highest number of `jobs` in one of the comparison's windows within a time."""
        first, last = self._range(start, end)
        numbers = range(-(-first // self._per_window), last // self._per_window)
        return max((self._attempts_in_window(number, characters) for number in numbers), default=0)

    def braked(self, start: datetime, end: datetime) -> int:
        """Count the attempts and stored takes of jobs that a worker's hand brake decided, of any revision."""
        first, last = self._range(start, end)
        return sum(
            tally.attempts + tally.cached
            for _, cells in self._counts.cells(first, last)
            for key, tally in cells.items()
            if key.reason is DecisionReason.BRAKED
        )

    def arms(self, start: datetime, end: datetime) -> Iterator[tuple[bool, CellKey, Tally]]:
        """Yield the cells of the percentage's jobs, each with whether it is Chirp's: for the balance of the arms."""
        for key, tally in self._arms.totals(*self._range(start, end)).items():
            yield key.is_chirp, key, tally

    def windows(self, start: datetime) -> Iterator[tuple[datetime, list[CellPair]]]:
        """Yield the end and the cells of each settled window that begins at or after a time, or at the stage's begin.

        Empty windows are included, as the sequential test counts them.
        """
        number = max(self._counts.step_at(start), self._first) // self._per_window
        while (number + 1) * self._per_window <= self._settled:
            pairs = self._pairs(number * self._per_window, (number + 1) * self._per_window)
            number += 1
            yield self._counts.step_start(number * self._per_window), pairs

    def _pairs(self, first: int, end: int) -> list[CellPair]:
        # Cells of a whole window: most cells of a minute have one arm alone, which is no evidence.
        paired: defaultdict[tuple[object, ...], tuple[list[Tally], list[Tally]]] = defaultdict(lambda: ([], []))
        for _, cells in self._counts.cells(first, end):
            for key, tally in cells.items():
                if key.first and key.revision >= self._stage_revision and (key.is_chirp or key.is_control):
                    paired[key.lane, key.character, key.language, key.band][key.is_control].append(tally)
        return [
            CellPair(str(cell[1]), sum_tallies(chirp), sum_tallies(control))
            for cell, (chirp, control) in paired.items()
        ]

    def _range(self, start: datetime, end: datetime) -> tuple[int, int]:
        found = self._ranges.get((start, end))
        if found is None:
            first = max(self._first, self._counts.step_at(start))
            found = self._ranges[start, end] = first, max(first, min(self._settled, self._counts.step_at(end)))
        return found

    def _chirp_since_begin(self, last: int, character: str | None) -> Tally:
        # A running total: a stage lasts for weeks, and every round needs its sum.
        upto, total = self._totals.get(character, (self._first, Tally()))
        if upto > last:
            upto, total = self._first, Tally()
        if upto < last:
            total.merge(self._chirp.total(upto, last, character))
            self._totals[character] = (last, total)
        return total

    def _attempts_in_window(self, window: int, characters: frozenset[str] | None) -> int:
        key = (window, characters)
        if key not in self._jobs_by_window:
            first = window * self._per_window
            self._jobs_by_window[key] = self._jobs_in(first, first + self._per_window, characters).attempts
        return self._jobs_by_window[key]

    def _jobs_in(self, first: int, end: int, characters: frozenset[str] | None) -> Tally:
        by_character = self._jobs.totals(first, end)
        return sum_tallies([each for name, each in by_character.items() if characters is None or name in characters])

    def _group_step(self, groups: Callable[[CellKey], Iterable[Group]], step: int) -> dict[Group, Tally]:
        """Sum a step's tallies by the groups that each of its cells belongs to."""
        found: defaultdict[Group, list[Tally]] = defaultdict(list)
        for _, cells in self._counts.cells(step, step + 1):
            for key, tally in cells.items():
                if key.revision >= self._stage_revision:
                    for group in groups(key):
                        found[group].append(tally)
        return {group: sum_tallies(tallies) for group, tallies in found.items()}


def _chirp_groups(key: CellKey) -> Iterable[str | None]:
    return (None, key.character) if key.is_chirp else ()


def _control_groups(key: CellKey) -> Iterable[str | None]:
    return (None, key.character) if key.is_control and key.first else ()


def _lookup_groups(key: CellKey) -> Iterable[VoiceModel]:
    return (key.voice_model,)


def _job_groups(key: CellKey) -> Iterable[str]:
    return (key.character,) if key.first and key.reason in _ROLLOUT_REASONS else ()


def _arm_groups(key: CellKey) -> Iterable[CellKey]:
    return (key,) if key.is_chirp or key.is_control else ()
