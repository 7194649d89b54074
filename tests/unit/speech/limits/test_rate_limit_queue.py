"""Who waits for quota: dialogue first and a moment only, batch in order and for as long as it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from schemas.enums import Lane, VoiceModel
from tests.unit.makers import CHIRP, WAVENET
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics
from worker.speech.limits.rate_limit import RateLimitRules, RateLimits
from worker.speech.limits.rate_limit_queue import RateLimitQueue

BATCH, DIALOGUE = Lane.BATCH, Lane.DIALOGUE
# Of a share that was just taken 3 % may be used at once, and the rest comes evenly: 18 and 9.6 a second of 600.
ALL = RateLimitRules({CHIRP: 600}, 0, 0.1)


class Waiters:
    """A queue with a clock that the test moves."""

    def __init__(self, rules: RateLimitRules = ALL, dialogue_wait_s: float = 0.25) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.metrics = Metrics(CollectorRegistry(), [])
        clock = Clock(monotonic=lambda: self.now, now=lambda: datetime.now(UTC))
        self.queue = RateLimitQueue(RateLimits(rules), dialogue_wait_s, self.metrics, clock, call_later=self.later)
        self.queue.set_share(1.0)
        self.order: list[str] = []
        self.waiting_now = 0

    def later(self, seconds: float, call: Callable[[], None]) -> Waiters.Timer:
        timer = self.Timer(self, (self.now + seconds, call))
        self.timers.append(timer.entry)
        return timer

    class Timer:
        def __init__(self, waiters: Waiters, entry: tuple[float, Callable[[], None]]) -> None:
            self.waiters, self.entry = waiters, entry

        def cancel(self) -> None:
            if self.entry in self.waiters.timers:
                self.waiters.timers.remove(self.entry)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        self.waiting_now += 1
        try:
            yield
        finally:
            self.waiting_now -= 1

    def ask(self, name: str, lane: Lane, voice_model: VoiceModel = CHIRP) -> asyncio.Task[tuple[bool, float]]:
        async def take() -> tuple[bool, float]:
            answer = await self.queue.take(voice_model, lane, self.waiting)
            self.order.append(name)
            return answer

        return asyncio.create_task(take())

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    async def pass_time(self, seconds: float) -> None:
        await self.settle()
        end = self.now + seconds
        while (due := min(self.timers, default=(end + 1, None), key=lambda each: each[0]))[0] <= end:
            self.timers.remove(due)  # type: ignore[arg-type]
            self.now = max(self.now, due[0])
            due[1]()  # type: ignore[misc]
            await self.settle()
        self.now = end

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


async def drained() -> Waiters:
    """No quota is left now, and a little comes each tenth of a second."""
    waiters = Waiters()
    while waiters.queue._limits.wait_s(CHIRP, DIALOGUE, waiters.now) == 0:
        waiters.queue.charge(CHIRP)
    return waiters


async def test_dialogue_waits_a_moment_and_where_that_would_be_in_vain_not_at_all() -> None:
    waiters = await drained()
    requested = [waiters.ask(str(number), DIALOGUE) for number in range(6)]
    await waiters.settle()
    refused_at_once = [task.result() for task in requested if task.done()]
    assert refused_at_once
    assert set(refused_at_once) == {(False, 0.0)}
    await waiters.pass_time(0.3)
    waited = [task.result() for task in requested if task.result()[1] > 0]
    assert waited
    assert all(granted and 0 < waited_s <= 0.25 for granted, waited_s in waited)
    assert len(waited) + len(refused_at_once) == 6


async def test_dialogue_goes_before_batch_that_waits_for_longer() -> None:
    waiters = await drained()
    for number in range(3):
        waiters.ask(f"batch {number}", BATCH)
    await waiters.settle()
    waiters.ask("dialogue", DIALOGUE)
    await waiters.pass_time(2)
    assert waiters.order == ["dialogue", "batch 0", "batch 1", "batch 2"]


async def test_one_voice_model_without_quota_holds_up_no_other() -> None:
    waiters = await drained()
    waiters.ask("chirp", BATCH)
    await waiters.settle()
    waiters.ask("wavenet", BATCH, WAVENET)
    await waiters.settle()
    assert waiters.order == ["wavenet"]


async def test_a_batch_job_waits_within_its_context_and_dialogue_does_not() -> None:
    waiters = await drained()
    task = waiters.ask("batch", BATCH)
    await waiters.settle()
    assert waiters.waiting_now == 1
    await waiters.pass_time(2)
    assert waiters.waiting_now == 0
    assert task.result()[0]
    dialogue = waiters.ask("dialogue", DIALOGUE)
    await waiters.settle()
    assert waiters.waiting_now == 0
    await waiters.pass_time(0.3)
    assert dialogue.done()


async def test_who_is_cancelled_leaves_the_queue_and_takes_nothing_with_it() -> None:
    waiters = await drained()
    gone, stays = waiters.ask("gone", BATCH), waiters.ask("stays", BATCH)
    await waiters.settle()
    gone.cancel()
    await waiters.pass_time(2)
    assert waiters.order == ["stays"]
    assert stays.result()[0]
    assert waiters.waiting_now == 0


async def test_what_was_granted_to_a_job_that_is_cancelled_in_the_same_moment_is_given_back() -> None:
    waiters = Waiters(RateLimitRules({CHIRP: 1}, 0, 0.0))
    await waiters.pass_time(100)
    await waiters.queue.take(CHIRP, BATCH, waiters.waiting)
    gone = waiters.ask("gone", BATCH)
    await waiters.settle()
    waiters.now += 100
    for _, call in [*waiters.timers]:
        call()
    gone.cancel()
    await waiters.settle()
    assert gone.cancelled()
    assert (await waiters.queue.take(CHIRP, BATCH, waiters.waiting)) == (True, 0.0)


async def test_a_share_that_is_taken_wakes_who_waits_for_it() -> None:
    waiters = Waiters()
    waiters.queue.set_share(0.0)
    task = waiters.ask("batch", BATCH)
    await waiters.pass_time(600)
    assert not task.done()
    assert (await waiters.queue.take(CHIRP, DIALOGUE, waiters.waiting)) == (False, 0.0)
    waiters.queue.set_share(0.5)
    await waiters.pass_time(2)
    assert task.done()


async def test_while_batch_is_held_its_jobs_get_nothing_and_dialogue_what_it_asks_for() -> None:
    waiters = Waiters()
    waiters.queue.hold_batch()
    batch = [waiters.ask(f"batch {number}", BATCH) for number in range(3)]
    await waiters.pass_time(60)
    assert waiters.timers == [], "nobody is to be woken"
    assert waiters.waiting_now == 3
    assert (await waiters.queue.take(CHIRP, DIALOGUE, waiters.waiting)) == (True, 0.0)
    batch[1].cancel()
    waiters.queue.release_batch()
    await waiters.pass_time(2)
    assert waiters.order == ["batch 0", "batch 2"]


async def test_while_batch_is_held_what_a_job_has_begun_goes_on() -> None:
    waiters = Waiters()
    waiters.queue.hold_batch()
    first = waiters.ask("first request", BATCH)
    await asyncio.sleep(0)
    assert (await waiters.queue.take(CHIRP, BATCH, waiters.waiting, is_follow_up=True)) == (True, 0.0)
    next_part = asyncio.create_task(waiters.queue.take(WAVENET, BATCH, waiters.waiting, is_follow_up=True))
    assert (await asyncio.wait_for(next_part, 60))[0]
    assert not first.done()
    waiters.queue.release_batch()
    await waiters.pass_time(2)
    assert first.done()


async def test_a_refusal_by_google_holds_batch_up_for_a_second_and_dialogue_goes_on() -> None:
    waiters = Waiters(RateLimitRules({}, 0, 0.0))
    assert (await waiters.queue.take(CHIRP, BATCH, waiters.waiting)) == (True, 0.0)
    waiters.queue.record_refusal(CHIRP, waiters.now)
    assert (await waiters.queue.take(CHIRP, DIALOGUE, waiters.waiting)) == (True, 0.0)
    task = waiters.ask("batch", BATCH)
    await waiters.pass_time(0.9)
    assert not task.done()
    await waiters.pass_time(0.2)
    assert task.result() == (True, pytest.approx(1.0))


async def test_the_metrics_tell_the_limit_in_force_the_decisions_and_the_waits() -> None:
    waiters = Waiters(RateLimitRules({CHIRP: 200}, 1000, 0.1))
    assert waiters.count("tts_quota_requests_per_minute", voice_model="chirp3-hd") == pytest.approx(198)
    assert waiters.count("tts_quota_requests_per_minute", voice_model="wavenet") == float("inf")
    assert waiters.count("tts_quota_requests_per_minute", voice_model="all") == pytest.approx(990)
    waiters.queue.record_refusal(CHIRP, 0.0)
    assert waiters.count("tts_quota_requests_per_minute", voice_model="chirp3-hd") == pytest.approx(0.9 * 198)
    task = waiters.ask("batch", BATCH)
    await waiters.pass_time(20)
    assert waiters.count("tts_quota_decisions_total", lane="batch", voice_model="chirp3-hd", decision="waited") == 1
    waited = waiters.count("tts_quota_wait_seconds_sum", lane="batch", voice_model="chirp3-hd")
    assert waited == pytest.approx(task.result()[1])


async def test_dialogue_that_may_not_wait_at_all_is_granted_what_is_there() -> None:
    waiters = Waiters(dialogue_wait_s=0.0)
    free = waiters.ask("free", DIALOGUE)
    assert await free == (True, 0.0)
    while waiters.queue._limits.wait_s(CHIRP, DIALOGUE, waiters.now) == 0:
        waiters.queue.charge(CHIRP)
    assert await waiters.ask("used up", DIALOGUE) == (False, 0.0)
    counts = {
        decision: waiters.count("tts_quota_decisions_total", lane="dialogue", voice_model=CHIRP, decision=decision)
        for decision in ("granted", "refused")
    }
    assert counts == {"granted": 1, "refused": 1}
