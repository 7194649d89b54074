"""Tallies: sums over attempts, and fast sums over ranges of time steps. Pure."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, Generic, NamedTuple, TypeVar

from schemas.enums import DecisionReason, Lane, VoiceModel
from worker.rollout.analysis.durations import Durations
from worker.rollout.analysis.observations import Observation

_MAX_COVERS: Final = 8
Group = TypeVar("Group", bound=Hashable)


class CellKey(NamedTuple):
    """What the attempts of one cell have in common. `band` is the number of the text's length band."""

    lane: Lane
    character: str
    language: str
    band: int
    voice_model: VoiceModel
    decided: VoiceModel | None
    reason: DecisionReason | None
    revision: int
    first: bool

    @property
    def is_chirp(self) -> bool:
        """Whether they are the Chirp arm's: Chirp's for jobs that the percentage gave to Chirp."""
        return self.voice_model is VoiceModel.CHIRP3_HD and self.reason is DecisionReason.IN_ROLLOUT

    @property
    def is_control(self) -> bool:
        """Whether they are the control's: WaveNet's for jobs outside the percentage; never a fallback's."""
        return self.voice_model is VoiceModel.WAVENET and self.reason is DecisionReason.OUTSIDE


@dataclass(slots=True)
class Tally:
    """Sums over attempts.

    Attributes:
        attempts: their number, without stored takes.
        errors: the failed attempts.
        fallbacks: the attempts after which WaveNet was tried instead.
        cached: stored takes that answered jobs.
        timed: the attempts that called Google; durations are theirs.
        seconds: the sum of the timed attempts' durations.
        squares: the sum of their squared durations.
        billed: characters.
        times: the timed attempts' durations.
        complaints: players' reports about completions, each user once a day for a character and voice model.
        complainers: those of them that are their user's first of the day for the voice model, whatever the character.
    """

    attempts: int = 0
    errors: int = 0
    fallbacks: int = 0
    cached: int = 0
    timed: int = 0
    seconds: float = 0.0
    squares: float = 0.0
    billed: int = 0
    times: Durations = field(default_factory=Durations)
    complaints: int = 0
    complainers: int = 0

    @property
    def heard(self) -> int:
        """The completions with audio: successful attempts, and stored takes."""
        return self.attempts - self.errors + self.cached

    def add(self, observation: Observation) -> None:
        """Count one attempt or stored take."""
        if observation.cached:
            self.cached += 1
            return
        self.attempts += 1
        if observation.failure is not None:
            self.errors += 1
        self.fallbacks += observation.falls_back
        self.billed += observation.billed
        if observation.called:
            self.timed += 1
            self.seconds += observation.seconds
            self.squares += observation.seconds**2
            self.times.add(observation.seconds)

    def merge(self, other: "Tally") -> None:
        """Add another tally's sums."""
        self.attempts += other.attempts
        self.errors += other.errors
        self.fallbacks += other.fallbacks
        self.cached += other.cached
        self.timed += other.timed
        self.seconds += other.seconds
        self.squares += other.squares
        self.billed += other.billed
        self.complaints += other.complaints
        self.complainers += other.complainers
        self.times.merge(other.times)


_numbers = attrgetter(
    "attempts", "errors", "fallbacks", "cached", "timed", "seconds", "squares", "billed", "complaints", "complainers"
)


def sum_tallies(tallies: Sequence[Tally]) -> Tally:
    """Return the sum of some tallies. The sum of a single one is that tally itself: never add to the result."""
    if len(tallies) == 1:
        return tallies[0]
    if not tallies:
        return Tally()
    if len(tallies) == 2:  # noqa: PLR2004  # what a block of steps is made of
        return _sum_of_two(*tallies)
    # Column by column takes a third of the time that merging one after the other takes.
    attempts, errors, fallbacks, cached, timed, seconds, squares, billed, complaints, complainers = map(
        sum, zip(*map(_numbers, tallies), strict=True)
    )
    times = Durations(parts=[each.times for each in tallies])
    return Tally(attempts, errors, fallbacks, cached, timed, seconds, squares, billed, times, complaints, complainers)


def _sum_of_two(one: Tally, other: Tally) -> Tally:
    return Tally(
        one.attempts + other.attempts,
        one.errors + other.errors,
        one.fallbacks + other.fallbacks,
        one.cached + other.cached,
        one.timed + other.timed,
        one.seconds + other.seconds,
        one.squares + other.squares,
        one.billed + other.billed,
        Durations(parts=(one.times, other.times)),
        one.complaints + other.complaints,
        one.complainers + other.complainers,
    )


class RangeSums(Generic[Group]):
    """Sums by group over ranges of time steps, kept in blocks of 1, 2, 4, … steps: a week takes some twenty additions.

    Blocks are only added, never subtracted, so that a sum doesn't depend on the order of calls.

    Args:
        tallies_of_step: returns the tallies of a step by group; called once a step, when a range first includes it.
    """

    def __init__(self, tallies_of_step: Callable[[int], Mapping[Group, Tally]]) -> None:
        self._tallies_of_step = tallies_of_step
        self._blocks: dict[tuple[int, int], Mapping[Group, Tally]] = {}
        self._covers: dict[tuple[int, int], list[Mapping[Group, Tally]]] = {}

    def clear(self) -> None:
        """Drop all sums, because some step has changed."""
        self._blocks.clear()
        self._covers.clear()

    def total(self, first: int, end: int, group: Group) -> Tally:
        """Return one group's sum over the steps from `first` to before `end`; never add to it."""
        return sum_tallies([tally for block in self._cover(first, end) if (tally := block.get(group))])

    def totals(self, first: int, end: int) -> dict[Group, Tally]:
        """Return the sums of all groups over the steps from `first` to before `end`."""
        found: defaultdict[Group, list[Tally]] = defaultdict(list)
        for block in self._cover(first, end):
            for group, tally in block.items():
                found[group].append(tally)
        return {group: sum_tallies(tallies) for group, tallies in found.items()}

    def _cover(self, first: int, end: int) -> list[Mapping[Group, Tally]]:
        """Return the fewest blocks that make up a range; cached, as a round sums one group after another."""
        cover = self._covers.get((first, end))
        if cover is None:
            if len(self._covers) >= _MAX_COVERS:
                self._covers.clear()
            cover = self._covers[first, end] = self._find_cover(first, end)
        return cover

    def _find_cover(self, first: int, end: int) -> list[Mapping[Group, Tally]]:
        cover = []
        while first < end:
            fits = (end - first).bit_length() - 1
            level = min(fits, (first & -first).bit_length() - 1) if first else fits
            cover.append(self._block(level, first >> level))
            first += 1 << level
        return cover

    def _block(self, level: int, number: int) -> Mapping[Group, Tally]:
        block = self._blocks.get((level, number))
        if block is None:
            block = self._tallies_of_step(number) if level == 0 else self._join(level - 1, 2 * number)
            self._blocks[level, number] = block
        return block

    def _join(self, level: int, number: int) -> Mapping[Group, Tally]:
        one, other = self._block(level, number), self._block(level, number + 1)
        joined = {**one, **other}
        for group in one.keys() & other.keys():
            joined[group] = sum_tallies((one[group], other[group]))
        return joined
