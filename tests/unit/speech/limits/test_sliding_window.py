"""A sliding window counts what is younger than its length, in a thousandth of its length at least."""

from __future__ import annotations

import pickle
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.speech.limits.sliding_window import SlidingWindow

# Requests expire at the end of their grain of one second, so all times here are exact.
LENGTH_S = 1000.0


@pytest.mark.parametrize(
    ("made_at", "now", "used"),
    [
        (0.0, 0.0, 1),
        (0.0, 1000.9, 1),
        (0.0, 1001.0, 0),
        (0.9, 1000.9, 1),
        (0.9, 1001.0, 0),
        (1.0, 1001.9, 1),
        (1.0, 1002.0, 0),
    ],
)
def test_a_request_counts_until_its_grain_has_left_the_window(made_at: float, now: float, used: int) -> None:
    window = SlidingWindow(LENGTH_S)
    window.add(made_at)
    assert window.used(now) == used


@pytest.mark.parametrize(
    ("most", "seconds"),
    [(4.0, 0.0), (3.0, 0.0), (2.9, 991.0), (2.0, 991.0), (1.9, 992.0), (1.0, 992.0), (0.0, 993.0), (-0.1, inf)],
)
def test_the_wait_is_until_enough_requests_have_expired(most: float, seconds: float) -> None:
    window = SlidingWindow(LENGTH_S)
    for made_at in (0.0, 1.0, 2.0):
        window.add(made_at)
    assert window.seconds_until(most, 10.0) == seconds


def test_a_request_that_is_taken_back_in_the_same_grain_leaves_nothing() -> None:
    window = SlidingWindow(LENGTH_S)
    window.add(0.0)
    window.add(0.5, -1.0)
    assert window.used(0.5) == 0
    assert window.used(2000.0) == 0


def test_a_clock_that_is_late_by_a_grain_keeps_the_order_of_expiry() -> None:
    window = SlidingWindow(LENGTH_S)
    window.add(5.0)
    window.add(4.0)
    assert (window.used(1005.9), window.used(1006.0)) == (2, 0)


@pytest.mark.parametrize(
    ("now", "used"), [(0.0, 10.0), (0.9, 10.0), (1.0, 9.99), (500.0, 5.0), (999.9, 0.01), (1000.0, 0)]
)
def test_a_filled_window_empties_evenly_over_its_length(now: float, used: float) -> None:
    window = SlidingWindow(LENGTH_S)
    window.fill(10.0, 0.0)
    assert window.used(now) == pytest.approx(used, abs=1e-9)


def test_what_fills_a_window_is_added_to_what_is_there_and_expires_in_order() -> None:
    window = SlidingWindow(LENGTH_S)
    window.add(-500.0, 4.0)
    window.fill(10.0, 0.0)
    assert window.used(0.0) == 14.0
    assert window.used(500.9) == pytest.approx(9.0)
    assert window.used(501.0) == pytest.approx(4.99)


def test_an_empty_window_is_exactly_empty_whatever_was_rounded_before() -> None:
    window = SlidingWindow(LENGTH_S)
    for _ in range(10):
        window.add(0.0, 0.1)
    assert window.used(LENGTH_S + 1) == 0.0
    assert window.seconds_until(0.0, LENGTH_S + 1) == 0.0


def test_scaling_changes_what_is_used_and_what_expires() -> None:
    window = SlidingWindow(LENGTH_S)
    window.add(0.0)
    window.add(1.0, 3.0)
    window.scale(0.5)
    assert (window.used(1000.0), window.used(1001.0), window.used(1002.0)) == (2.0, 1.5, 0.0)


def test_the_windows_size_does_not_grow_with_the_requests() -> None:
    few, many = SlidingWindow(LENGTH_S), SlidingWindow(LENGTH_S)
    for number in range(1001):
        few.add(float(number))
    for number in range(20_000):
        many.add(number / 20)
    assert len(pickle.dumps(many)) <= len(pickle.dumps(few))


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 3)), max_size=80), st.floats(0, 30))
def test_a_window_counts_what_is_younger_than_its_length(steps: list[tuple[float, int]], most: float) -> None:
    window, now, added = SlidingWindow(10.0), 0.0, []
    for after, weight in steps:
        now += after
        window.add(now, weight)
        added.append((now, weight))
    grain = 0.01
    surely = sum(weight for at, weight in added if at > now - 10.0)
    at_most = sum(weight for at, weight in added if at > now - 10.0 - 2 * grain)
    assert surely <= window.used(now) <= at_most
    wait = window.seconds_until(most, now)
    assert window.used(now + wait + 1e-9) <= most + 1e-9


@given(st.floats(1, 100), st.floats(0.1, 1.0))
def test_a_window_that_is_filled_and_scaled_empties_evenly(weight: float, factor: float) -> None:
    window = SlidingWindow(10.0)
    window.add(0.0, 5.0)
    window.fill(weight, 0.0)
    window.scale(factor)
    assert window.used(0.0) == pytest.approx((5 + weight) * factor)
    assert window.used(5.0) == pytest.approx((5 + weight / 2) * factor, rel=0.01)
    assert window.used(10.1) == 0.0
