"""The lower bound of "preferred or equal" over a character's votes, valid after each vote. Pure.

The bound is the gate's own test turned round: the highest share of a grid that the votes have shown to be passed, with
all lower ones of the grid. The margin is on the grid, so that the bound reaches it exactly when the gate has passed. A
bound that was reached stays, as evidence does (a confidence sequence by inverting sequential tests: Howard, Ramdas,
McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Ann. Stat. 49, 2021).
"""

from collections.abc import Iterable
from itertools import takewhile
from typing import Final

from worker.rollout.analysis.preferences import CLEARLY_GOOD, PASS_ALPHA, Outcome
from worker.rollout.analysis.vote_test import VoteTest

_STEPS: Final = 20


def lower_bounds(outcomes: Iterable[Outcome], margin: float, planned: int) -> list[tuple[float, float]]:
    """Return the share and its lower bound after each vote that says something; 0 where nothing is shown.

    Args:
        margin: the gate's.
        planned: the number of votes at which the gate's test has its full power.
    """
    nulls = sorted({margin, *(step / _STEPS for step in range(1, _STEPS))})
    tests = {null: _test(null, margin, planned) for null in nulls}
    found = []
    for outcome in outcomes:
        if outcome is Outcome.UNUSABLE:
            continue
        for test in tests.values():
            test.add(yes=outcome is not Outcome.WAVENET)
        shown = takewhile(lambda null: tests[null].has_passed, nulls)
        found.append((tests[margin].yes / tests[margin].votes, max(shown, default=0.0)))
    return found


def _test(null: float, margin: float, planned: int) -> VoteTest:
    """The gate's test where the null is its margin or lower; a higher one needs a higher alternative."""
    alternative = CLEARLY_GOOD if null <= margin else max(CLEARLY_GOOD, (1 + null) / 2)
    return VoteTest(null, alternative, PASS_ALPHA, planned)
