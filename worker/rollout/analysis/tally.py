"""What is counted of attempts: one of them as published, and the sums that gates judge. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

from schemas.words import DecisionReason, FailureClass, Lane, VoiceModel

_FINE_S: Final = 10.0
_TENTHS: Final = 10
_FINE_STEPS: Final = 100
Counted = TypeVar("Counted")


def time_step(seconds: float) -> int:
    """The step of a duration: of 0.1 s up to 10 s, of 1 s above. Step n holds what is over its lower edge."""
    if seconds <= _FINE_S:
        return max(0, -int(-seconds * _TENTHS // 1) - 1)
    return _FINE_STEPS - 1 + -int(-(seconds - _FINE_S) // 1)


@dataclass(frozen=True, slots=True)
class Observation:
    """One attempt as a completion or retry record lists it; or, with `cached`, a stored take that answered a job.

    Attributes:
        id: of the attempt, or of the completion's event.
        ended_at: when it ended, with an offset.
        decided: the decision's voice model, None where it isn't told.
        first: whether it is its job's first attempt, over all tries.
        failure: None if it succeeded.
        called: whether Google was asked; else quota or circuit didn't let it, and its time says nothing.
        seconds: how long it took; 0 of a stored take.
        billed: characters that Google bills.
    """

    id: str
    ended_at: datetime
    lane: Lane
    character: str
    language: str
    text_characters: int
    voice_model: VoiceModel
    decided: VoiceModel | None
    reason: DecisionReason | None
    revision: int
    first: bool
    cached: bool = False
    failure: FailureClass | None = None
    falls_back: bool = False
    called: bool = True
    seconds: float = 0.0
    billed: int = 0


class CellKey(NamedTuple):
    """What attempts of one cell have in common. `band` is the number of the text's length band."""

    lane: Lane
    character: str
    language: str
    band: int
    voice_model: VoiceModel
    decided: VoiceModel | None
    reason: DecisionReason | None
    revision: int
    first: bool


@dataclass(slots=True)
class Tally:
    """Sums over attempts.

    Attributes:
        attempts: how many, stored takes not among them.
        errors: of them, those that failed.
        fallbacks: of them, those that WaveNet was asked instead of.
        cached: stored takes that answered jobs.
        timed: of the attempts, those in which Google was asked: times are theirs.
        seconds: of the timed attempts, summed.
        squares: of their seconds, summed.
        billed: characters.
        failures: the errors by class.
        times: the timed attempts by `time_step`.
    """

    attempts: int = 0
    errors: int = 0
    fallbacks: int = 0
    cached: int = 0
    timed: int = 0
    seconds: float = 0.0
    squares: float = 0.0
    billed: int = 0
    failures: dict[FailureClass, int] = field(default_factory=dict)
    times: dict[int, int] = field(default_factory=dict)

    def add(self, observation: Observation) -> None:
        """Counts one."""
        if observation.cached:
            self.cached += 1
            return
        self.attempts += 1
        if observation.failure is not None:
            self.errors += 1
            self.failures[observation.failure] = self.failures.get(observation.failure, 0) + 1
        self.fallbacks += observation.falls_back
        self.billed += observation.billed
        if observation.called:
            self.timed += 1
            self.seconds += observation.seconds
            self.squares += observation.seconds**2
            step = time_step(observation.seconds)
            self.times[step] = self.times.get(step, 0) + 1

    def merge(self, other: "Tally") -> None:
        """Adds another's sums."""
        self.attempts += other.attempts
        self.errors += other.errors
        self.fallbacks += other.fallbacks
        self.cached += other.cached
        self.timed += other.timed
        self.seconds += other.seconds
        self.squares += other.squares
        self.billed += other.billed
        if other.failures:
            _join(self.failures, other.failures)
        _join(self.times, other.times)

    def over(self, seconds: float) -> int:
        """How many of the timed attempts took longer; exact for multiples of 0.1 s up to 10 s, of 1 s above."""
        first = time_step(seconds) + 1
        return sum(count for step, count in self.times.items() if step >= first)


def sum_of(tallies: Sequence[Tally]) -> Tally:
    """Their sum: a tally of its own, but for a single one, which is its own sum and must not be added to."""
    if len(tallies) == 1:
        return tallies[0]
    total = Tally()
    for each in tallies:
        total.merge(each)
    return total


def _join(counts: dict[Counted, int], others: Mapping[Counted, int]) -> None:
    # Counter.update takes several times as long: rounds over weeks are made of this.
    for each, count in others.items():
        counts[each] = counts.get(each, 0) + count
