"""What ended is started again, slower each time; what can't start isn't."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.processes.restarts import GiveUp, RestartPolicy

CODES = st.integers(-15, 143).filter(lambda code: code != 2)


@pytest.mark.parametrize("lived_s", [0.0, 3600.0])
def test_a_wrong_setting_stays_wrong(lived_s: float) -> None:
    decision = RestartPolicy().after_end(2, lived_s)
    assert isinstance(decision, GiveUp)
    assert decision.lasting


def test_four_failed_starts_wait_twice_as_long_each_and_the_fifth_is_the_last() -> None:
    policy = RestartPolicy()
    assert [policy.after_end(1, 1.0) for _ in range(4)] == [0.5, 1.0, 2.0, 4.0]
    last = policy.after_end(-9, 29.9)
    assert isinstance(last, GiveUp)
    assert not last.lasting
    assert "5 times" in last.reason
    assert "-9" in last.reason


@given(st.lists(CODES, min_size=1, max_size=50))
def test_one_that_ran_for_half_a_minute_is_always_started_again_at_once(codes: list[int]) -> None:
    policy = RestartPolicy()
    assert {policy.after_end(code, 30.0) for code in codes} == {0.5}


@given(st.integers(0, 4), CODES)
def test_one_that_ran_is_no_failed_start_and_ends_the_count(failed: int, code: int) -> None:
    policy = RestartPolicy()
    for _ in range(failed):
        policy.after_end(1, 0.0)
    assert policy.after_end(code, 30.0) == 0.5
    assert policy.after_end(code, 0.0) == 0.5
