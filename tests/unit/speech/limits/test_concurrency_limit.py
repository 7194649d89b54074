"""The concurrency limit: a slow Google is asked less, a healthy one is never held up."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.speech.limits.concurrency_limit import SLOW_SHARE, STARTS_AT, ConcurrencyLimit

MOST = 2400


def windows(limit: ConcurrencyLimit, count: int, *, slow: bool, now: float, in_flight: int | None = None) -> None:
    """Ends so many requests, all begun and ended at one time."""
    for _ in range(count):
        limit.record(now, now, in_flight or limit.limit, slow=slow)


def test_it_starts_with_as_many_as_a_worker_has_jobs_by_default_and_not_with_more_than_may_be() -> None:
    assert ConcurrencyLimit(MOST).limit == STARTS_AT == 64
    assert ConcurrencyLimit(8).limit == 8


def test_a_healthy_google_that_is_asked_for_more_gets_more() -> None:
    limit = ConcurrencyLimit(MOST)
    windows(limit, 600, slow=False, now=1.0)
    assert limit.limit == pytest.approx(664, abs=20), "one more for each request that ended"
    windows(limit, 2000, slow=False, now=2.0)
    assert limit.limit == MOST


def test_a_limit_that_is_not_used_does_not_grow() -> None:
    limit = ConcurrencyLimit(MOST)
    windows(limit, 1000, slow=False, now=1.0, in_flight=31)
    assert limit.limit == STARTS_AT


def test_a_slow_window_halves_what_is_under_way_once_a_round_trip() -> None:
    limit = ConcurrencyLimit(MOST)
    windows(limit, 20, slow=True, now=10.0, in_flight=40)
    assert limit.limit == 20
    for _ in range(40):
        assert not limit.record(9.0, 11.0, 40, slow=True), "it was under way before"
    assert limit.limit == 20
    windows(limit, 20, slow=True, now=12.0)
    assert limit.limit == 10


def test_one_slow_request_of_a_window_is_chance() -> None:
    limit = ConcurrencyLimit(MOST)
    for number in range(400):
        limit.record(1.0, 1.0, 64, slow=number % 10 == 0)
    assert limit.limit > STARTS_AT


def test_after_a_decrease_it_grows_by_one_a_round_trip() -> None:
    limit = ConcurrencyLimit(MOST)
    windows(limit, 20, slow=True, now=1.0, in_flight=40)
    for round_trip in range(10):
        windows(limit, limit.limit, slow=False, now=2.0 + round_trip)
    assert limit.limit == pytest.approx(30, abs=2)


def test_after_an_outage_it_has_eight_again_within_a_few_round_trips() -> None:
    limit = ConcurrencyLimit(MOST)
    for second in range(100):
        windows(limit, 20, slow=True, now=float(second))
    assert limit.limit == 1
    for round_trip in range(8):
        windows(limit, max(limit.limit, 4), slow=False, now=200.0 + round_trip)
    assert limit.limit >= 8


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 500),
    st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10), st.integers(0, 1000), st.booleans()), max_size=300),
)
def test_it_stays_between_one_and_the_most_and_only_what_is_slow_decreases_it(
    most: int, ended: list[tuple[float, float, int, bool]]
) -> None:
    limit, now = ConcurrencyLimit(most), 0.0
    for passed, took, in_flight, slow in ended:
        before, now = limit.limit, now + passed
        decreased = limit.record(now - took, now, in_flight, slow=slow)
        assert 1 <= limit.limit <= most
        assert decreased or limit.limit >= before
        assert not decreased or limit.limit <= before


@dataclass
class SlowGoogle:
    """Answers `capacity` requests at once, each in `seconds`; the others wait in line until they time out."""

    capacity: int
    seconds: float
    timeout_s: float
    now: float = 0.0
    answered: int = 0
    timed_out: int = 0
    _events: list[tuple[float, int, int, bool]] = field(default_factory=list)
    _line: deque[tuple[int, float]] = field(default_factory=deque)
    _begun: dict[int, float] = field(default_factory=dict)
    _busy: int = 0

    def run(self, callers: int, until_s: float, limit: ConcurrencyLimit | None) -> None:
        """Callers that each make the next request as soon as the last one has ended."""
        number = 0
        while self.now < until_s:
            while len(self._begun) < min(callers, limit.limit if limit else callers):
                number += 1
                self._begun[number] = self.now
                self._line.append((number, self.now))
                heapq.heappush(self._events, (self.now + self.timeout_s, number, number, False))
                self._work()
            self.now, _, ended, is_answer = heapq.heappop(self._events)
            if is_answer:
                self._busy -= 1
                self._work()
            began = self._begun.get(ended)
            if began is None:
                continue
            in_flight = len(self._begun)
            del self._begun[ended]
            self.answered += is_answer
            self.timed_out += not is_answer
            slow = self.now - began >= SLOW_SHARE * self.timeout_s
            if limit is not None:
                limit.record(began, self.now, in_flight, slow=slow)

    def _work(self) -> None:
        while self._line and self._busy < self.capacity:
            number, _ = self._line.popleft()
            # The line drops what its caller gave up.
            if number in self._begun:
                self._busy += 1
                heapq.heappush(self._events, (self.now + self.seconds, number, number, True))


def test_of_six_hundred_callers_of_a_slow_google_nearly_all_time_out_without_a_limit_and_few_with_one() -> None:
    without, limited = SlowGoogle(20, 1.0, 7.0), SlowGoogle(20, 1.0, 7.0)
    without.run(600, 300, None)
    limited.run(600, 300, ConcurrencyLimit(MOST))
    assert without.timed_out > 3 * without.answered
    assert limited.timed_out < 0.02 * limited.answered
    assert limited.answered > 0.95 * 300 * 20, "all that Google can do is asked of it"


@pytest.mark.parametrize("callers", [1, 64, 600])
def test_a_healthy_google_is_asked_for_as_much_as_without_a_limit(callers: int) -> None:
    without, limited = SlowGoogle(10_000, 0.6, 7.0), SlowGoogle(10_000, 0.6, 7.0)
    without.run(callers, 60, None)
    limited.run(callers, 60, ConcurrencyLimit(MOST))
    assert limited.timed_out == 0
    assert limited.answered >= (1.0 if callers <= STARTS_AT else 0.95) * without.answered


def test_after_a_minute_of_hanging_google_is_used_fully_again() -> None:
    limit = ConcurrencyLimit(256)
    hanging = SlowGoogle(1, 1000.0, 7.0)
    hanging.run(64, 60, limit)
    assert limit.limit <= 4
    healthy = SlowGoogle(10_000, 0.6, 7.0, now=100.0)
    healthy.run(64, 160, limit)
    assert limit.limit >= 64
    assert healthy.timed_out == 0
