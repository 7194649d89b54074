"""A retry waits by our own clock: as long as its due time says, and never longer than its delay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.kafka.consumer.retry_wait import RetryWait

LONGEST_S = 12.0
TIMES = st.integers(-(10**19), 10**19)


@given(TIMES, st.lists(st.tuples(TIMES, st.floats(0.001, 20)), min_size=1, max_size=20))
def test_whatever_the_clocks_say_no_record_waits_longer_than_its_delay(
    due_ms: int, looks: list[tuple[int, float]]
) -> None:
    wait = RetryWait()
    at_s = first_s = 100.0
    for now_ms, passed_s in looks:
        left_s = wait.left_s(7, due_ms, now_ms, at_s, LONGEST_S)
        assert 0 <= left_s <= LONGEST_S - min(at_s - first_s, LONGEST_S) + 1e-6
        if left_s == 0:
            return
        at_s += passed_s


@given(st.integers(-20_000, 12_000))
def test_with_clocks_that_agree_it_is_due_when_its_header_says(after_ms: int) -> None:
    assert RetryWait().left_s(0, 1_000_000 + after_ms, 1_000_000, 5.0, LONGEST_S) == pytest.approx(
        max(0, after_ms / 1000)
    )


def test_a_record_of_a_good_clock_behind_one_of_a_bad_clock_still_waits_for_its_time() -> None:
    wait = RetryWait()
    assert wait.left_s(0, 3_600_000, 0, 0.0, LONGEST_S) == LONGEST_S
    assert wait.left_s(0, 3_600_000, 12_000, 12.0, LONGEST_S) == 0
    assert wait.left_s(1, 14_000, 12_000, 12.0, LONGEST_S) == 2
    assert wait.left_s(2, 3_600_500, 12_000, 12.0, LONGEST_S) == 0.5
