"""Simulated listeners: how many characters pass and fail within so many votes, beside the best test's power. Pure.

The votes of a character are independent. "Equal" voices get as many votes for Chirp as for WaveNet; how many say
"equal" is an assumption, since it depends on the listeners and the lines.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from worker.rollout.analysis.preferences import FAIL_ALPHA, PASS_ALPHA, Decision, Outcome, Preference
from worker.rollout.analysis.vote_test import needed_votes, tail
from worker.rollout.plan.conditions import DEFAULT_MARGIN

VOTES: Final = 60
_HALF: Final = 0.5
_SLOW: Final = 1000


@dataclass(frozen=True)
class Voices:
    """What listeners say of a character's two voices.

    Attributes:
        name: for people.
        chirp: the share of votes for Chirp.
        equal: the share of votes that neither take is better.
        demands: the least share of characters by decision, or the most, in percent: `(decision, at least, percent)`.
        reason: why there is no demand, or why it can't be met; else empty.
    """

    name: str
    chirp: float
    equal: float
    demands: tuple[tuple[Decision, bool, float], ...] = ()
    reason: str = ""

    @property
    def wavenet(self) -> float:
        """The share of votes for WaveNet."""
        return 1 - self.chirp - self.equal


NO_WORSE, WORSE, OPEN = Decision.NO_WORSE, Decision.WORSE, Decision.OPEN
ALL_VOICES: Final = (
    Voices("equal, a third of votes says equal", 1 / 3, 1 / 3, ((WORSE, False, 2.0), (NO_WORSE, True, 90.0))),
    Voices("equal, half of the votes say equal", 1 / 4, 1 / 2, ((WORSE, False, 2.0), (NO_WORSE, True, 90.0))),
    Voices("equal, a fifth of votes says equal", 2 / 5, 1 / 5, ((WORSE, False, 2.0),), "60 votes are too few to pass"),
    Voices("equal, none says equal", 1 / 2, 0.0, ((WORSE, False, 2.0),), "50 % is hardly over 45 %"),
    # Davidson's model of ties (J. Am. Stat. Assoc. 65, 1970) with nu = 1, by which equal voices get a third of each.
    Voices("70 of 100 votes for WaveNet, 23 equal", 0.0733, 0.2267, ((WORSE, True, 95.0), (NO_WORSE, False, 1.0))),
    Voices("70 of 100 votes for WaveNet, 15 equal", 0.15, 0.15, ((WORSE, True, 95.0), (NO_WORSE, False, 1.0))),
    Voices("70 of 100 votes for WaveNet, none equal", 0.3, 0.0, ((NO_WORSE, False, 1.0),), "no test fails 95 % in 60"),
    Voices("a third equal, 70:30 of the others", 0.2, 1 / 3, (), "53 % prefer Chirp or hear none: over the margin"),
)


@dataclass(frozen=True)
class Result:
    """What became of a number of simulated characters.

    Attributes:
        counts: characters by decision within the planned votes.
        voted: the mean number of votes until the decision, or all votes.
        later: the votes after which 95 % have the most common decision; None if more than 1,000.
    """

    voices: Voices
    counts: Counter[Decision]
    voted: float
    later: int | None

    def percent(self, decision: Decision) -> float:
        """The share of characters with a decision, in percent."""
        return 100 * self.counts[decision] / self.counts.total()

    @property
    def is_met(self) -> bool:
        """Whether all demands are met."""
        return all(
            self.percent(decision) >= percent if at_least else self.percent(decision) < percent
            for decision, at_least, percent in self.voices.demands
        )


def simulate(voices: Voices, seeds: range, votes: int = VOTES) -> Result:
    """Simulate one character for each seed.

    Args:
        voices: what listeners say.
        seeds: of the random numbers.
        votes: the votes on each character.
    """
    counts: Counter[Decision] = Counter()
    voted = 0
    after: list[int] = []
    for seed in seeds:
        preference = Preference(DEFAULT_MARGIN, VOTES)
        for outcome in _outcomes(voices, seed):
            preference.add(outcome)
            if preference.votes == votes:
                counts[preference.decision] += 1
                voted += preference.decided_after or votes
            if preference.votes >= votes and (preference.decision is not OPEN or preference.votes == _SLOW):
                break
        after.append(preference.decided_after or _SLOW + 1)
    nearly_all = sorted(after)[-(-95 * len(after) // 100) - 1]
    return Result(voices, counts, voted / len(seeds), nearly_all if nearly_all <= _SLOW else None)


def best_power(voices: Voices, decision: Decision, votes: int = VOTES) -> float:
    """Return the power, in percent, of the best test of the planned votes with the same error rate: no test has more.

    It is the most powerful one by Neyman and Pearson, randomized so that it uses up its error rate, which looks once.
    """
    if decision is NO_WORSE:
        null, share, alpha, number = DEFAULT_MARGIN, voices.chirp + voices.equal, PASS_ALPHA, votes
    else:
        decided = voices.chirp + voices.wavenet
        null, share, alpha, number = _HALF, voices.wavenet / decided, FAIL_ALPHA, round(votes * decided)
    needed = needed_votes(null, alpha, number)
    left = alpha - tail(number, null, needed)
    at_edge = tail(number, null, needed - 1) - tail(number, null, needed)
    of_edge = tail(number, share, needed - 1) - tail(number, share, needed)
    return 100 * (tail(number, share, needed) + left / at_edge * of_edge)


def _outcomes(voices: Voices, seed: int) -> Iterator[Outcome]:
    rng = random.Random(f"{voices.name} {seed}")
    while True:
        drawn = rng.random()
        yield (
            Outcome.CHIRP
            if drawn < voices.chirp
            else Outcome.EQUAL
            if drawn < voices.chirp + voices.equal
            else Outcome.WAVENET
        )
