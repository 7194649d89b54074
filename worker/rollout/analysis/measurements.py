"""Readings: what is known of the attempts of one stage, as gates ask for it. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from schemas.words import DecisionReason, VoiceModel
from worker.rollout.analysis.attempt_counts import AttemptCounts
from worker.rollout.analysis.range_sums import Group, RangeSums
from worker.rollout.analysis.tally import CellKey, Tally, sum_of

# What another stage's percentage may decide. An unlisted character's lines that Chirp can't speak are among them.
_OPEN = frozenset({DecisionReason.IN_ROLLOUT, DecisionReason.OUTSIDE, DecisionReason.NOT_LISTED})


class Pair(NamedTuple):
    """Both arms of one cell (window, lane, character, language, band): first attempts of the percentage's jobs."""

    character: str
    chirp: Tally
    control: Tally


class Measurements:
    """Attempts that ended since a stage began, by decisions of its revisions, up to where time is settled.

    All times are taken down to whole steps of the ledger's resolution.

    Args:
        ledger: what was counted.
        since: when the stage began.
        stage_revision: what older revisions decided isn't the stage's.
        window: of the comparison; a multiple of the resolution.
    """

    def __init__(self, ledger: AttemptCounts, since: datetime, stage_revision: int, window: timedelta) -> None:
        self.since = since
        self._ledger = ledger
        self._stage_revision = stage_revision
        self._per_window = window // ledger.resolution
        self._first = self._settled = ledger.step_of(since)
        self._changes = ledger.changes
        self._chirp = RangeSums(partial(self._grouped, _chirp_of))
        self._control = RangeSums(partial(self._grouped, _control_of))
        self._looked_up = RangeSums(partial(self._grouped, _looked_up_of))
        self._jobs = RangeSums(partial(self._grouped, _jobs_of))
        self._arms = RangeSums(partial(self._grouped, _arms_of))
        self._totals: dict[str | None, tuple[int, Tally]] = {}
        self._asked: dict[tuple[int, int, str | None], Tally] = {}
        self._busy: dict[tuple[int, frozenset[str] | None], int] = {}

    @property
    def until(self) -> datetime:
        """Up to here time is settled: all that ended before has been published and counted."""
        return max(self.since, self._ledger.start_of(self._settled))

    @property
    def changes(self) -> int:
        """Rises when something is counted in a time that was settled: what was said of it may be wrong."""
        return self._ledger.changes

    def settle(self, until: datetime) -> None:
        """Says that all that ended before a time was published and counted."""
        self._settled = max(self._settled, self._ledger.step_of(until))
        self._ledger.settle(self._settled)
        self._asked.clear()
        if self._changes != self._ledger.changes:
            self._changes = self._ledger.changes
            for each in (self._chirp, self._control, self._looked_up, self._jobs, self._arms):
                each.clear()
            self._totals.clear()
            self._busy.clear()

    def chirp(self, start: datetime, end: datetime, character: str | None = None) -> Tally:
        """Chirp's attempts of jobs that the percentage decided, of a character or of all."""
        first, last = self._range(start, end)
        if first == self._first:
            return self._from_the_start(last, character)
        # Several rules ask for one window in a round.
        asked = (first, last, character)
        if asked not in self._asked:
            self._asked[asked] = self._chirp.total(first, last, character)
        return self._asked[asked]

    def control(self, start: datetime, end: datetime, character: str | None = None) -> Tally:
        """WaveNet's first attempts of jobs that the percentage left outside; never a fallback."""
        return self._control.total(*self._range(start, end), character)

    def looked_up(self, voice_model: VoiceModel, start: datetime, end: datetime) -> Tally:
        """A model's attempts and stored takes: `cached` of `cached + attempts` look-ups were hits."""
        return self._looked_up.total(*self._range(start, end), voice_model)

    def jobs(self, start: datetime, end: datetime, characters: frozenset[str] | None) -> Tally:
        """First attempts of both models for some characters' jobs, or all: what a stage that lists them moves.

        Jobs of characters that aren't listed now are among them; forced and excluded ones are not.
        """
        return self._jobs_in(*self._range(start, end), characters)

    def busiest(self, start: datetime, end: datetime, characters: frozenset[str] | None) -> int:
        """The most of `jobs` in one of the comparison's windows within a time."""
        first, last = self._range(start, end)
        numbers = range(-(-first // self._per_window), last // self._per_window)
        return max((self._busy_in(number, characters) for number in numbers), default=0)

    def braked(self, start: datetime, end: datetime) -> int:
        """Attempts of jobs that a worker's hand brake decided, whatever the revision."""
        first, last = self._range(start, end)
        return sum(
            tally.attempts + tally.cached
            for _, cells in self._ledger.cells(first, last)
            for key, tally in cells.items()
            if key.reason is DecisionReason.BRAKED
        )

    def arms(self, start: datetime, end: datetime) -> Iterator[tuple[bool, CellKey, Tally]]:
        """The cells of the percentage's jobs, each with whether it is Chirp's: for the mix of the arms."""
        for key, tally in self._arms.totals(*self._range(start, end)).items():
            yield _is_chirp(key), key, tally

    def windows(self, start: datetime) -> Iterator[tuple[datetime, list[Pair]]]:
        """The settled windows that begin at or after a time, or hold the stage's begin, each with its cells.

        Windows with nothing in them come too: the comparison counts them.
        """
        number = max(self._ledger.step_of(start), self._first) // self._per_window
        while (number + 1) * self._per_window <= self._settled:
            pairs = self._pairs(number * self._per_window, (number + 1) * self._per_window)
            number += 1
            yield self._ledger.start_of(number * self._per_window), pairs

    def _pairs(self, first: int, end: int) -> list[Pair]:
        # Over the whole window: in cells of a minute most have one arm alone, which says nothing.
        paired: defaultdict[tuple[object, ...], tuple[list[Tally], list[Tally]]] = defaultdict(lambda: ([], []))
        for _, cells in self._ledger.cells(first, end):
            for key, tally in cells.items():
                if key.first and key.revision >= self._stage_revision and (_is_chirp(key) or _is_control(key)):
                    paired[key.lane, key.character, key.language, key.band][_is_control(key)].append(tally)
        return [Pair(str(of[1]), sum_of(chirp), sum_of(control)) for of, (chirp, control) in paired.items()]

    def _range(self, start: datetime, end: datetime) -> tuple[int, int]:
        first = max(self._first, self._ledger.step_of(start))
        return first, max(first, min(self._settled, self._ledger.step_of(end)))

    def _from_the_start(self, last: int, character: str | None) -> Tally:
        # A stage lasts for weeks, and is summed in each round.
        upto, total = self._totals.get(character, (self._first, Tally()))
        if upto > last:
            upto, total = self._first, Tally()
        if upto < last:
            total.merge(self._chirp.total(upto, last, character))
            self._totals[character] = (last, total)
        return total

    def _busy_in(self, window: int, characters: frozenset[str] | None) -> int:
        asked = (window, characters)
        if asked not in self._busy:
            first = window * self._per_window
            self._busy[asked] = self._jobs_in(first, first + self._per_window, characters).attempts
        return self._busy[asked]

    def _jobs_in(self, first: int, end: int, characters: frozenset[str] | None) -> Tally:
        by_character = self._jobs.totals(first, end)
        return sum_of([each for name, each in by_character.items() if characters is None or name in characters])

    def _grouped(self, groups_of: Callable[[CellKey], Iterable[Group]], step: int) -> dict[Group, Tally]:
        """A step's tallies by the groups that each of its cells belongs to."""
        found: defaultdict[Group, list[Tally]] = defaultdict(list)
        for _, cells in self._ledger.cells(step, step + 1):
            for key, tally in cells.items():
                if key.revision >= self._stage_revision:
                    for group in groups_of(key):
                        found[group].append(tally)
        return {group: sum_of(tallies) for group, tallies in found.items()}


def _is_chirp(key: CellKey) -> bool:
    return key.voice_model is VoiceModel.CHIRP3_HD and key.reason is DecisionReason.IN_ROLLOUT


def _is_control(key: CellKey) -> bool:
    return key.voice_model is VoiceModel.WAVENET and key.reason is DecisionReason.OUTSIDE


def _chirp_of(key: CellKey) -> Iterable[str | None]:
    return (None, key.character) if _is_chirp(key) else ()


def _control_of(key: CellKey) -> Iterable[str | None]:
    return (None, key.character) if _is_control(key) and key.first else ()


def _looked_up_of(key: CellKey) -> Iterable[VoiceModel]:
    return (key.voice_model,)


def _jobs_of(key: CellKey) -> Iterable[str]:
    return (key.character,) if key.first and key.reason in _OPEN else ()


def _arms_of(key: CellKey) -> Iterable[CellKey]:
    return (key,) if _is_chirp(key) or _is_control(key) else ()
