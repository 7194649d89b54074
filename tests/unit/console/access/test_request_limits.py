"""A client gets so many requests in any minute, whatever the others do, and is told when the next one is due."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.console.access.request_limits import MINUTE_S, RequestLimit


def test_one_too_many_is_refused_until_the_first_is_a_minute_old() -> None:
    limit = RequestLimit(3)
    assert [limit.take("unity", now) for now in (0.0, 10.0, 20.0)] == [None, None, None]
    after_s = limit.take("unity", 30.0)
    assert after_s is not None
    assert 30 <= after_s <= 31
    assert limit.take("unity", 30.0 + after_s) is None


def test_one_client_does_not_use_up_anothers_requests() -> None:
    limit = RequestLimit(1)
    assert limit.take("unity", 0.0) is None
    assert limit.take("unity", 0.0) is not None
    assert limit.take("godot", 0.0) is None


def test_zero_is_no_limit() -> None:
    limit = RequestLimit(0)
    assert {limit.take("unity", 0.0) for _ in range(10_000)} == {None}


@given(st.integers(1, 20), st.lists(st.floats(0, 20), max_size=200))
def test_no_minute_holds_more_than_the_limit(per_minute: int, pauses: list[float]) -> None:
    limit, now, granted = RequestLimit(per_minute), 0.0, []
    for pause in pauses:
        now += pause
        if (after_s := limit.take("unity", now)) is None:
            granted.append(now)
        else:
            assert 1 <= after_s <= MINUTE_S + 1
    for began in granted:
        assert sum(began <= each < began + MINUTE_S for each in granted) <= per_minute
