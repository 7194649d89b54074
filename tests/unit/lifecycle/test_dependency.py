"""Dependency health: an outage or one job's failure, waiting with back-off, one log line per outage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from tests.until import loop_until
from worker.lifecycle.clock import Clock
from worker.lifecycle.dependency import UNREACHABLE, Backoff, Dependency, DependencyDownError, DependencyGate, Outage
from worker.lifecycle.probed_dependency import ProbedDependency
from worker.observability.metric_labels import DEPENDENCIES
from worker.observability.metrics import DENIED, Metrics
from worker.speech.failures import Failure, classify_failure
from worker.speech.health import google_probe

AWAY = Outage(UNREACHABLE, "S3: bucket b can't be reached", "connection refused", "check it")
REFUSED = Outage("refused", "S3: bucket b is refused", "403", "check the keys")


class Time:
    """A clock that only sleeping moves, and how long each sleep was."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.clock = Clock(monotonic=lambda: self.now)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Probe:
    """Answers as its list says, the last entry for ever; `go` holds it back."""

    def __init__(self, *answers: Outage | None) -> None:
        self.answers = list(answers)
        self.begun = self.calls = 0
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self) -> None:
        self.begun += 1
        await self.go.wait()
        self.calls += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is not None:
            raise DependencyDownError(answer)


class World:
    def __init__(self, *answers: Outage | None) -> None:
        self.time = Time()
        self.probe = Probe(*answers)
        self.metrics = Metrics(CollectorRegistry(), ["pip_boy"])
        self.dependency = ProbedDependency(
            "s3", self.probe, Backoff(1, 8), self.metrics, self.time.clock, sleep=self.time.sleep
        )

    @property
    def down(self) -> float | None:
        return self.metrics.registry.get_sample_value("tts_dependency_down", {"dependency": "s3"})

    async def probe_after_failure(self, *, ended_before: int | None = None) -> bool:
        return await self.dependency.probe_after_failure(
            self.dependency.ended_outages if ended_before is None else ended_before
        )


@asynccontextmanager
async def running(*answers: Outage | None) -> AsyncIterator[World]:
    world = World(*answers)
    task = asyncio.create_task(world.dependency.run())
    try:
        async with asyncio.timeout(60):
            yield world
    finally:
        task.cancel()


async def test_nothing_is_probed_until_a_job_fails() -> None:
    async with running(AWAY) as world:
        await asyncio.sleep(0.02)
        assert world.dependency.is_up
        assert (world.probe.calls, world.down, world.dependency.waits_for) == (0, 0, None)


async def test_if_the_first_probe_works_the_failure_is_the_jobs_own() -> None:
    async with running(None) as world:
        with capture_logs() as logs:
            assert await world.probe_after_failure() is True
        assert world.dependency.is_up
        assert (world.probe.calls, world.down, world.time.slept, logs) == (1, 0, [], [])


async def test_during_an_outage_jobs_wait_and_are_tried_again_after_it() -> None:
    async with running(AWAY, AWAY, AWAY, None) as world:
        job = asyncio.create_task(world.probe_after_failure())
        await loop_until(lambda: not world.dependency.is_up)
        assert world.down == 1
        assert world.dependency.waits_for == "S3: bucket b can't be reached: check it; trying again until it works"
        assert not job.done()
        assert await job is False
        assert world.dependency.is_up
        assert (world.probe.calls, world.down, world.dependency.waits_for) == (4, 0, None)


async def test_an_outage_is_logged_once_at_its_start_and_once_at_its_end_whatever_the_number_of_jobs() -> None:
    with capture_logs() as logs:
        async with running(*[AWAY] * 9, None) as world:
            assert await asyncio.gather(*(world.probe_after_failure() for _ in range(500))) == [False] * 500
    assert [(line["log_level"], line["event"]) for line in logs] == [
        ("error", "dependency_down"),
        ("info", "dependency_up"),
    ]
    assert logs[0]["message"] == "connection refused"
    assert "check it" in logs[0]["detail"]
    assert logs[1]["seconds"] == pytest.approx(world.time.now, abs=0.1)


async def test_a_new_reason_during_the_same_outage_is_logged_once_more() -> None:
    with capture_logs() as logs:
        async with running(AWAY, REFUSED, AWAY, REFUSED, None) as world:
            await world.probe_after_failure()
    assert [line.get("reason") for line in logs] == [UNREACHABLE, "refused", None]


async def test_pauses_between_probes_double_to_their_longest_and_are_jittered() -> None:
    async with running(*[AWAY] * 8, None) as world:
        await world.probe_after_failure()
    whole = [1, 2, 4, 8, 8, 8, 8, 8]
    assert all(least <= slept <= least + 0.25 for least, slept in zip(whole, world.time.slept, strict=True))
    assert len(set(world.time.slept)) == len(whole)


async def test_jobs_that_fail_at_the_same_time_share_one_probe() -> None:
    async with running(None) as world:
        world.probe.go.clear()
        jobs = [asyncio.create_task(world.probe_after_failure()) for _ in range(50)]
        await loop_until(lambda: world.probe.begun)
        jobs += [asyncio.create_task(world.probe_after_failure()) for _ in range(50)]
        await asyncio.sleep(0)
        world.probe.go.set()
        assert await asyncio.gather(*jobs) == [True] * 100
        assert world.probe.calls == 1


async def test_a_probe_that_worked_serves_failures_of_the_next_second_and_later_ones_get_their_own() -> None:
    async with running(None, AWAY, None) as world:
        assert await world.probe_after_failure() is True
        world.time.now += 0.9
        assert await world.probe_after_failure() is True
        assert world.probe.calls == 1
        world.time.now += 0.2
        assert await world.probe_after_failure() is False
        assert world.probe.calls == 3


async def test_a_call_that_began_in_an_outage_and_failed_after_it_is_tried_again_without_a_probe() -> None:
    async with running(AWAY, None) as world:
        before = world.dependency.ended_outages
        assert await world.probe_after_failure() is False
        assert await world.probe_after_failure(ended_before=before) is False
        assert world.probe.calls == 2
        assert await world.probe_after_failure() is True, "begun after the outage"


async def test_the_cancellation_of_one_waiting_job_leaves_the_result_to_the_others() -> None:
    async with running(None) as world:
        world.probe.go.clear()
        one, other = (asyncio.create_task(world.probe_after_failure()) for _ in range(2))
        await loop_until(lambda: world.probe.begun)
        one.cancel()
        await asyncio.sleep(0)
        world.probe.go.set()
        assert await other is True
        assert one.cancelled()


async def test_probing_goes_on_after_all_waiting_jobs_are_cancelled() -> None:
    async with running(None) as world:
        world.probe.go.clear()
        job = asyncio.create_task(world.probe_after_failure())
        await loop_until(lambda: world.probe.begun)
        job.cancel()
        await asyncio.sleep(0)
        world.probe.go.set()
        await loop_until(lambda: world.probe.calls == 1)
        world.time.now += 2
        assert await world.probe_after_failure() is True


class RefusedError(Exception):
    pass


async def test_a_start_waits_for_what_is_down_and_returns_what_the_attempt_returned() -> None:
    world = World()
    answers: list[Any] = [OSError("a"), OSError("b"), "client"]

    async def connect() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert not world.dependency.is_up
        return str(answer)

    def connecting() -> Awaitable[str]:
        return connect()

    with capture_logs() as logs:
        # A callable that isn't written with `async def` will do, too.
        connected = await world.dependency.wait_until_up(
            connecting, lambda error: AWAY if isinstance(error, OSError) else None
        )
    assert connected == "client"
    assert [line["event"] for line in logs] == ["dependency_down", "dependency_up"]
    assert world.dependency.is_up
    assert len(world.time.slept) == 2


async def test_an_error_that_waiting_does_not_solve_is_raised_at_once() -> None:
    world = World()

    async def connect() -> None:
        raise RefusedError

    with pytest.raises(RefusedError):
        await world.dependency.wait_until_up(connect)
    assert (world.time.slept, world.dependency.is_up) == ([], True)


async def test_a_start_that_waits_can_be_cancelled() -> None:
    metrics = Metrics(CollectorRegistry(), ["pip_boy"])
    kafka = Dependency("kafka", Backoff(60, 60), metrics, Clock())
    waiting = asyncio.create_task(kafka.wait_until_up(Probe(AWAY)))
    await loop_until(lambda: not kafka.is_up)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert kafka.waits_for is not None


def test_the_gate_is_open_while_all_are_up_and_lists_what_is_down() -> None:
    metrics = Metrics(CollectorRegistry(), ["pip_boy"])
    google, s3 = (Dependency(name, Backoff(1, 1), metrics, Clock()) for name in ("google", "s3"))
    gate = DependencyGate(google, s3)
    assert (gate.is_open, gate.waits_for) == (True, [])
    s3.mark_down(AWAY)
    google.mark_down(Outage(DENIED, "Google: WaveNet is denied", "no", "check IAM"))
    assert not gate.is_open
    assert gate.waits_for == [
        "Google: WaveNet is denied: check IAM; trying again until it works",
        "S3: bucket b can't be reached: check it; trying again until it works",
    ]
    s3.mark_up()
    assert not gate.is_open
    google.mark_up()
    assert (gate.is_open, gate.waits_for) == (True, [])


def test_only_the_reason_denied_sets_the_denied_gauge_and_every_dependency_has_its_gauge_from_the_start() -> None:
    metrics = Metrics(CollectorRegistry(), ["pip_boy"])
    value = metrics.registry.get_sample_value
    assert [value("tts_dependency_down", {"dependency": name}) for name in DEPENDENCIES] == [0, 0, 0]
    for reason, denied in ((UNREACHABLE, 0), (DENIED, 1), (None, 0)):
        metrics.set_down("google", reason)
        assert value("tts_google_denied") == denied
        assert value("tts_dependency_down", {"dependency": "google"}) == (reason is not None)
    metrics.set_down("s3", DENIED)
    assert value("tts_google_denied") == 0


@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        ([None], None),
        (["RESOURCE_EXHAUSTED"], None),
        (["INVALID_ARGUMENT"], None),
        (["UNAVAILABLE", None], None),
        (["INTERNAL", "RESOURCE_EXHAUSTED"], None),
        (["UNAVAILABLE", "UNAVAILABLE"], UNREACHABLE),
        (["DEADLINE_EXCEEDED"], UNREACHABLE),
        (["PERMISSION_DENIED"], DENIED),
        (["UNAVAILABLE", "UNAUTHENTICATED"], DENIED),
    ],
)
async def test_the_probe_of_google_has_the_quick_retry_and_a_used_up_quota_is_no_outage(
    codes: list[str | None], reason: str | None
) -> None:
    answers: list[Failure | None] = [classify_failure(code, "as scripted") if code else None for code in codes]

    async def trial() -> Failure | None:
        return answers.pop(0)

    found = None
    try:
        await google_probe(trial, 0)()
    except DependencyDownError as down:
        found = down.outage.reason
    assert (found, answers) == (reason, [])


async def test_an_outage_lasts_until_every_probe_that_jobs_wait_for_works() -> None:
    async with running(None) as world:
        uploads = Probe(AWAY, AWAY, None)
        job = asyncio.create_task(world.dependency.probe_after_failure(0, uploads))
        await loop_until(lambda: not world.dependency.is_up)
        other = asyncio.create_task(world.dependency.wait_while_down())
        assert await job is False
        await other
        assert (uploads.calls, world.probe.calls >= 1, world.dependency.is_up) == (3, True, True)


async def test_a_probe_that_works_says_nothing_about_another_kind_of_call() -> None:
    async with running(None) as world:
        assert await world.probe_after_failure() is True
        uploads = Probe(AWAY, None)
        assert await world.dependency.probe_after_failure(0, uploads) is False


async def test_a_probe_that_worked_before_a_call_failed_for_the_last_time_does_not_show_that_it_is_its_own() -> None:
    async with running(None, AWAY, None) as world:
        assert await world.probe_after_failure() is True
        world.time.now += 0.5
        began = world.time.now
        assert await world.dependency.probe_after_failure(0, failed_since=began) is False
        assert world.probe.calls == 3


async def test_nobody_waits_while_the_dependency_is_up() -> None:
    async with running(AWAY) as world:
        await world.dependency.wait_while_down()
        assert world.probe.calls == 0
