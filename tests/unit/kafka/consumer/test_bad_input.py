"""A lane pauses when nearly all of its last records were no jobs, and not before enough were seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.kafka.consumer.bad_input import BadInput, BadInputLimit

DEFAULT = BadInputLimit(0.9, 500, 60.0)


def fed(limit: BadInputLimit, records: list[bool], now: float = 100.0) -> BadInput:
    watched = BadInput(limit)
    for bad in records:
        watched.noted(bad=bad, now=now)
    return watched


def test_nothing_pauses_before_five_hundred_were_seen() -> None:
    watched = fed(DEFAULT, [True] * 499)
    assert not watched.paused
    assert watched.noted(bad=True, now=0.0), "that it begins to pause is said once"
    assert watched.paused


@pytest.mark.parametrize(("bad", "pauses"), [(449, False), (450, True), (451, True), (500, True)])
def test_a_lane_pauses_at_ninety_percent_of_five_hundred(bad: int, pauses: bool) -> None:
    for records in ([True] * bad + [False] * (500 - bad), [False] * (500 - bad) + [True] * bad):
        assert fed(DEFAULT, records).paused is pauses


def test_what_lies_further_back_is_forgotten() -> None:
    assert fed(DEFAULT, [False] * 5000 + [True] * 450).paused
    assert not fed(DEFAULT, [True] * 449 + [False] * 52 + [True] * 448).paused


@given(
    st.floats(0.01, 1.0).map(lambda share: round(share, 2)),
    st.integers(1, 30),
    st.lists(st.booleans(), max_size=100),
)
def test_it_pauses_with_the_first_window_that_holds_the_share_and_with_no_other(
    share: float, window: int, records: list[bool]
) -> None:
    watched = BadInput(BadInputLimit(share, window, 60.0))
    seen: list[bool] = []
    for bad in records:
        changed = watched.noted(bad=bad, now=0.0)
        seen.append(bad)
        # In whole numbers: shares such as 0.55 of 100 must not fail by a float's last bit.
        pauses = len(seen) >= window and sum(seen[-window:]) * 100 >= round(share * 100) * window
        assert watched.paused is changed is pauses
        if pauses:
            return


def test_a_share_that_no_float_can_hold_is_met_exactly() -> None:
    for percent in range(1, 101):
        assert fed(BadInputLimit(percent / 100, 100, 60.0), [False] * (100 - percent) + [True] * percent).paused


def test_one_record_is_tried_in_each_interval_the_first_after_one() -> None:
    watched = fed(DEFAULT, [True] * 500, now=100.0)
    assert not watched.may_probe(159.9)
    assert watched.may_probe(160.0)
    watched.probed(165.0)
    assert not watched.may_probe(224.9)
    assert watched.may_probe(225.0)
    assert watched.may_probe(10_000.0), "one that finds nothing stays due"


def test_a_bad_record_does_not_end_the_pause_and_a_job_does() -> None:
    watched = fed(DEFAULT, [True] * 500)
    for _ in range(1000):
        assert not watched.noted(bad=True, now=200.0)
    assert watched.paused
    assert watched.noted(bad=False, now=200.0)
    assert not watched.paused
    assert not watched.may_probe(10_000.0)


def test_after_a_pause_it_counts_anew() -> None:
    for end in (lambda watched: watched.noted(bad=False, now=0.0), lambda watched: watched.resume()):
        watched = fed(DEFAULT, [True] * 500)
        assert end(watched)
        for _ in range(499):
            assert not watched.noted(bad=True, now=0.0)
        assert watched.noted(bad=True, now=0.0)


def test_to_resume_what_does_not_pause_is_said_to_be_nothing() -> None:
    assert not BadInput(DEFAULT).resume()
    assert not BadInput(DEFAULT).may_probe(1e9)
