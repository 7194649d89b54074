import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.rollout.analysis.confidence import (
    _wilson,
    attempts_to_show_above,
    attempts_to_show_below,
    mean_bounds,
    wilson_lower,
    wilson_upper,
)

counts = st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
sureness = st.floats(0.1, 5)


def test_the_bounds_are_wilsons():
    # By the formula with z = 1.96: 10 of 100 lie between 5.52 % and 17.44 %, as statistics packages give it.
    assert wilson_lower(10, 100, 1.96) == pytest.approx(0.0552, abs=5e-5)
    assert wilson_upper(10, 100, 1.96) == pytest.approx(0.1744, abs=5e-5)


def test_without_attempts_a_rate_may_be_anything():
    assert (wilson_lower(0, 0, 2.58), wilson_upper(0, 0, 2.58)) == (0.0, 1.0)


@given(counts, sureness)
def test_the_rate_lies_between_its_bounds(count, z):
    errors, attempts = count
    lower, upper = wilson_lower(errors, attempts, z), wilson_upper(errors, attempts, z)
    assert 0 <= lower <= errors / attempts + 1e-12
    assert errors / attempts - 1e-12 <= upper <= 1


@given(counts, sureness)
def test_who_wants_to_be_surer_gets_wider_bounds(count, z):
    errors, attempts = count
    assert wilson_lower(errors, attempts, z + 1) <= wilson_lower(errors, attempts, z) + 1e-12
    assert wilson_upper(errors, attempts, z + 1) >= wilson_upper(errors, attempts, z) - 1e-12


@given(st.integers(1, 2_000), st.data(), sureness)
def test_one_error_more_raises_both_bounds(attempts, data, z):
    errors = data.draw(st.integers(0, attempts - 1))
    assert wilson_lower(errors + 1, attempts, z) > wilson_lower(errors, attempts, z)
    assert wilson_upper(errors + 1, attempts, z) >= wilson_upper(errors, attempts, z)


def test_twelve_percent_over_ten_takes_some_fifteen_hundred_attempts():
    needed = attempts_to_show_above(0.12, 0.10, 2.58)
    assert 1_400 <= needed <= 1_700
    assert wilson_lower(round(0.12 * needed * 1.01), needed, 2.58) > 0.10


def test_no_failure_shows_a_rate_below_five_percent_after_some_fifty_attempts():
    needed = attempts_to_show_below(0.0, 0.05, 1.645)
    assert wilson_upper(0, needed, 1.645) < 0.05 <= wilson_upper(0, needed - 1, 1.645)
    assert 50 <= needed <= 60


def test_a_rate_on_the_wrong_side_of_its_limit_is_never_shown():
    assert attempts_to_show_above(0.05, 0.05, 2.58) is None
    assert attempts_to_show_below(0.05, 0.05, 1.645) is None


def test_a_mean_is_between_bounds_that_more_values_narrow():
    values = [1.0, 3.0]
    few = mean_bounds(4, sum(values) * 2, sum(each**2 for each in values) * 2, 1.645)
    many = mean_bounds(400, sum(values) * 200, sum(each**2 for each in values) * 200, 1.645)
    assert few[0] < many[0] < 2.0 < many[1] < few[1]


@given(st.floats(0.0, 0.5), st.floats(0.01, 0.99), sureness)
def test_the_sample_size_that_shows_a_rate_is_the_smallest(rate, distance, z):
    limit = rate + distance * (1 - rate)
    below = attempts_to_show_below(rate, limit, z)
    assert _wilson(rate, below, z) < limit
    assert below == 1 or _wilson(rate, below - 1, z) >= limit
    above = attempts_to_show_above(limit, rate, z)
    assert _wilson(limit, above, -z) > rate
    assert above == 1 or _wilson(limit, above - 1, -z) <= rate


def test_one_attempt_may_show_a_rate_and_two_values_bound_a_mean():
    assert attempts_to_show_below(0.0, 0.9, 1.645) == 1
    lower, upper = mean_bounds(2, 4.0, 10.0, 1.0)
    assert (lower, upper) == (1.0, 3.0)


def test_equal_values_leave_no_doubt_of_their_mean():
    assert mean_bounds(100, 150.0, 225.0, 1.645) == (1.5, 1.5)


def test_one_value_says_nothing_of_a_mean():
    assert mean_bounds(1, 2.0, 4.0, 1.645) == (0.0, math.inf)
