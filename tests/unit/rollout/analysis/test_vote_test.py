"""The sequential test of votes: its evidence, computed by other means, and its error rates, computed exactly."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.rollout.analysis.vote_test import VoteTest, needed_votes, tail

PLANNED = 60


def after(votes: list[bool], null: float = 0.45, alternative: float = 0.65, planned: int = PLANNED) -> VoteTest:
    test = VoteTest(null, alternative, 0.05, planned)
    for each in votes:
        test.add(yes=each)
    return test


def passes_within(share: float, votes: int, null: float, alternative: float, alpha: float) -> float:
    """The exact probability that the test passes, by the distribution of the yes votes of those that haven't yet."""
    open_, passed = {0: 1.0}, 0.0
    for number in range(1, votes + 1):
        moved: dict[int, float] = {}
        for yes, weight in open_.items():
            moved[yes + 1] = moved.get(yes + 1, 0.0) + weight * share
            moved[yes] = moved.get(yes, 0.0) + weight * (1 - share)
        open_ = {}
        for yes, weight in moved.items():
            # Up to the planned number the evidence depends on the number of yes votes alone.
            test = VoteTest(null, alternative, alpha, PLANNED)
            test.votes, test.yes = number - 1, yes - 1
            test.add(yes=True)
            if test.has_passed:
                passed += weight
            else:
                open_[yes] = weight
    return passed


def test_without_a_vote_there_is_no_evidence() -> None:
    assert after([]).evidence == pytest.approx(1.0)
    assert after([]).threshold == 20.0
    assert not after([]).has_passed


@given(st.lists(st.booleans(), max_size=PLANNED - 1))
def test_evidence_is_a_fair_game_at_the_null(votes: list[bool]) -> None:
    more, less = after([*votes, True]).evidence, after([*votes, False]).evidence
    assert 0.45 * more + 0.55 * less == pytest.approx(after(votes).evidence)
    assert more > less >= 0


@given(st.lists(st.booleans(), min_size=PLANNED, max_size=PLANNED + 40))
def test_it_stays_a_fair_game_after_the_planned_number_of_votes(votes: list[bool]) -> None:
    more, less = after([*votes, True]).evidence, after([*votes, False]).evidence
    assert 0.45 * more + 0.55 * less == pytest.approx(after(votes).evidence)


def test_evidence_is_the_mixture_of_both_gamblers() -> None:
    votes = [True, True, False, True]
    ratio = Fraction(65, 45) ** 3 * Fraction(35, 55)
    needed = needed_votes(0.45, 0.7 * 0.05, PLANNED)
    planned = tail(56, 0.45, needed - 3) / tail(60, 0.45, needed)
    assert after(votes).evidence == pytest.approx(0.3 * float(ratio) + 0.7 * planned)


def test_the_order_of_votes_decides_when_it_passes_and_a_pass_stays() -> None:
    early = after([True] * 14 + [False] * 40)
    assert early.has_passed
    assert early.evidence < early.threshold
    assert not after([False] * 40 + [True] * 14).has_passed


@pytest.mark.parametrize(("yes", "passed"), [(34, False), (35, True), (36, True)])
def test_at_the_planned_number_the_fixed_test_decides(yes: int, passed: bool) -> None:
    """Of 60 votes with a null of 0.45, 35 or more come with 2.6 %: at most 0.7 of alpha, 5 %."""
    votes = [number * yes // PLANNED < (number + 1) * yes // PLANNED for number in range(PLANNED)]
    assert sum(votes) == yes
    assert after(votes).has_passed is passed


def test_tail_is_the_binomial_distribution() -> None:
    assert tail(3, 0.5, 2) == 0.5
    assert (tail(3, 0.5, 0), tail(3, 0.5, -1), tail(3, 0.5, 4)) == (1.0, 1.0, 0.0)
    assert tail(60, 0.45, 35) == pytest.approx(0.0261, abs=5e-5)
    assert needed_votes(0.45, 0.035, 60) == 35
    assert needed_votes(0.5, 0.014, 60) == 39
    # Not even all votes are enough.
    assert needed_votes(0.5, 0.0001, 4) == 5


def test_a_planned_number_that_could_never_pass_leaves_the_first_gambler_alone() -> None:
    test = VoteTest(0.5, 0.7, 1e-9, 4)
    test.add(yes=True)
    assert test.evidence == pytest.approx(0.3 * 1.4 + 0.7)
    assert math.isfinite(test.evidence)


def test_error_rates_and_power_are_those_of_the_docstring() -> None:
    assert passes_within(0.45, 60, 0.45, 0.65, 0.05) <= 0.05
    assert passes_within(2 / 3, 60, 0.45, 0.65, 0.05) == pytest.approx(0.944, abs=0.002)
    assert passes_within(0.3, 60, 0.45, 0.65, 0.05) < 0.001
    assert passes_within(0.5, 60, 0.5, 0.7, 0.02) <= 0.02
    assert passes_within(0.7, 60, 0.5, 0.7, 0.02) == pytest.approx(0.848, abs=0.002)


@pytest.mark.parametrize(("size", "needed"), [(1.0, 0), (0.5, 2), (0.49, 3), (0.125, 3), (0.1, 4)])
def test_the_needed_votes_are_the_fewest_that_are_rare_enough_and_may_be_all_or_more_than_all(
    size: float, needed: int
) -> None:
    """Of three votes by a fair coin at least 0, 1, 2, 3 say yes with 1, 7/8, 1/2, 1/8."""
    assert needed_votes(0.5, size, 3) == needed
