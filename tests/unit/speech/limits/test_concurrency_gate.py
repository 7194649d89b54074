"""Requests wait their turn: dialogue first, the longest waiting first, and nobody who has gone is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from schemas.enums import FailureClass, Lane
from tests.unit.makers import CHIRP
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics
from worker.speech.failures import CallFailedError, classify_failure
from worker.speech.limits import concurrency_gate
from worker.speech.limits.concurrency_gate import ConcurrencyGate
from worker.speech.limits.concurrency_limit import ConcurrencyLimit
from worker.speech.limits.permits import Permits
from worker.speech.limits.rate_limit import RateLimitRules, RateLimits
from worker.speech.limits.rate_limit_queue import RateLimitQueue

DIALOGUE, BATCH = Lane.DIALOGUE, Lane.BATCH


class Door:
    """A gate with room for so many requests, and a clock that stands still."""

    def __init__(self, most: int) -> None:
        self.now = 1000.0
        self.clock = Clock(monotonic=lambda: self.now, now=lambda: datetime(2026, 1, 31, tzinfo=UTC))
        self.metrics = Metrics(CollectorRegistry(), ["pip_boy"])
        self.gate = ConcurrencyGate(CHIRP, ConcurrencyLimit(most), self.metrics, self.clock)
        self.entered: list[str] = []
        self.waits = 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        self.waits += 1
        yield
        self.waits -= 1

    def come(self, name: str, lane: Lane = BATCH, *, may_skip: bool = False) -> asyncio.Task[bool]:
        async def enter() -> bool:
            entered = await self.gate.enter(lane, self.waiting, may_skip=may_skip)
            if entered:
                self.entered.append(name)
            return entered

        return asyncio.create_task(enter())

    def shown(self) -> float | None:
        return self.metrics.registry.get_sample_value("tts_google_concurrency_limit", {"voice_model": CHIRP})


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_beyond_the_limit_requests_wait_in_order_and_dialogue_goes_first() -> None:
    door = Door(2)
    come = [door.come("a"), door.come("b"), door.come("c"), door.come("d"), door.come("e", DIALOGUE)]
    await settle()
    assert door.entered == ["a", "b"]
    assert door.waits == 2, "a batch job that waits may be handed back"
    for expected in (["a", "b", "e"], ["a", "b", "e", "c"], ["a", "b", "e", "c", "d"]):
        door.gate.leave(door.now, slow=None)
        await settle()
        assert door.entered == expected
    assert all([await each for each in come])


async def test_a_request_that_is_given_up_leaves_the_line() -> None:
    door = Door(1)
    _, gone, stays = door.come("a"), door.come("b"), door.come("c")
    await settle()
    gone.cancel()
    door.gate.leave(door.now, slow=None)
    await settle()
    assert gone.cancelled()
    assert await stays
    assert door.entered == ["a", "c"]


async def test_a_turn_that_comes_in_the_moment_of_a_cancellation_is_passed_on() -> None:
    door = Door(1)
    _, gone, stays = door.come("a"), door.come("b"), door.come("c")
    await settle()
    door.gate.leave(door.now, slow=None)
    gone.cancel()
    await settle()
    assert gone.cancelled()
    assert await stays


async def test_dialogue_with_a_fallback_does_not_wait_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency_gate, "_PATIENCE_S", 0.0)
    door = Door(1)
    await door.come("a", DIALOGUE)
    assert not await door.come("b", DIALOGUE, may_skip=True)
    patient = door.come("c", DIALOGUE)
    await settle()
    assert not patient.done()
    door.gate.leave(door.now, slow=None)
    assert await patient


async def test_slow_requests_lower_the_limit_and_the_metric_shows_it() -> None:
    door = Door(64)
    assert door.shown() == 64
    come = [door.come(str(number)) for number in range(100)]
    await settle()
    assert len(door.entered) == 64
    for _ in range(20):
        door.gate.leave(door.now, slow=True)
    await settle()
    assert door.shown() == 32
    # 19 came in for those that ended before the limit fell.
    assert len(door.entered) == 64 + 19
    for each in come:
        each.cancel()


async def permits(door: Door, rules: RateLimitRules) -> Permits:
    quota = RateLimitQueue(RateLimits(rules), 0.25, door.metrics, door.clock)
    quota.set_share(1.0)
    return Permits(quota, {}, door.metrics, door.clock, gates={CHIRP: door.gate})


async def test_a_request_without_a_turn_gives_its_quota_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency_gate, "_PATIENCE_S", 0.0)
    door = Door(1)
    # Of a share that was just taken 3 % may be used at once: one request of 42.
    both = await permits(door, RateLimitRules({CHIRP: 42}, 0, 0.0))
    await door.come("somebody", DIALOGUE)
    async with both.acquire(CHIRP, DIALOGUE, nullcontext, may_skip=True) as permit:
        assert await permit.take() is FailureClass.TIMEOUT
    door.gate.leave(door.now, slow=None)
    async with both.acquire(CHIRP, DIALOGUE, nullcontext, may_skip=True) as permit:
        assert await permit.take() is None, "the quota is there"
        with permit.under_way(3.0):
            pass
    assert await door.come("the next")


@pytest.mark.parametrize(
    ("code", "took_s", "slow"),
    [
        ("OK", 2.9, False),
        ("OK", 3.0, True),
        ("DEADLINE_EXCEEDED", 6.0, True),
        ("UNAVAILABLE", 4.0, True),
        ("UNAVAILABLE", 0.1, None),
        ("INVALID_ARGUMENT", 0.1, None),
    ],
)
@pytest.mark.parametrize("first_audio", [False, True])
async def test_a_request_is_slow_from_half_of_its_timeout_on_and_a_quick_failure_says_nothing(
    code: str, took_s: float, slow: bool | None, *, first_audio: bool
) -> None:
    # Of a stream its first audio counts, however long the rest takes.
    door, seen = Door(4), list[bool | None]()
    leave = door.gate.leave

    def observed(began: float, *, slow: bool | None) -> None:
        seen.append(slow)
        leave(began, slow=slow)

    door.gate.leave = observed  # type: ignore[method-assign]
    async with (await permits(door, RateLimitRules({}, 0, 0.0))).acquire(
        CHIRP, DIALOGUE, nullcontext, may_skip=True
    ) as permit:
        await permit.take()
        with suppress(CallFailedError), permit.under_way(3.0) as answered:
            door.now += took_s
            if first_audio:
                answered()
                door.now += 60.0
            if code != "OK":
                raise CallFailedError(classify_failure(code, ""))
    assert seen == [slow]
