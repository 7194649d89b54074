"""The time that a batch has left goes by its last minute."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.batch.rolling_rate import RollingRate


def test_lines_that_were_stored_already_promise_nothing_for_those_that_are_made() -> None:
    rate = RollingRate(100.0)
    rate.observe(101.0, 5000)
    assert rate.per_second == 5000
    for second in range(2, 400):
        rate.observe(100.0 + second, 5000 + 2 * second)
    assert rate.per_second == pytest.approx(2, rel=0.05)


def test_the_rate_is_nothing_once_nothing_has_ended_for_a_minute() -> None:
    rate = RollingRate(0.0)
    rate.observe(10.0, 100)
    rate.observe(30.0, 100)
    assert rate.per_second == pytest.approx(100 / 30)
    rate.observe(75.0, 100)
    assert rate.per_second == 0


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 50)), max_size=200))
def test_the_rate_is_between_none_and_all_and_few_samples_are_kept(steps: list[tuple[float, int]]) -> None:
    rate, now, ended = RollingRate(0.0), 0.0, 0
    for passes, more in steps:
        now, ended = now + passes, ended + more
        rate.observe(now, ended)
        assert 0 <= rate.per_second <= ended / 1e-3
    assert len(rate._samples) <= 63
