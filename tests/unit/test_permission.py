"""Whether a voice alone is denied or all of WaveNet is, and how the worker finds back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from worker.observability.metrics import Metrics
from worker.speech.failures import Failure, failure_of
from worker.speech.permission import Permission

DENIED = failure_of("PERMISSION_DENIED", "no")


class Probe:
    """Answers as its list says, the last entry for ever; `go` holds it back."""

    def __init__(self, *answers: Failure | None) -> None:
        self.answers = list(answers)
        self.calls = 0
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self) -> Failure | None:
        await self.go.wait()
        self.calls += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@asynccontextmanager
async def running(probe: Probe) -> AsyncIterator[tuple[Permission, Metrics]]:
    metrics = Metrics(CollectorRegistry(), ["pip_boy"])
    permission = Permission(probe, metrics, 0.001)
    task = asyncio.create_task(permission.run())
    try:
        async with asyncio.timeout(5):
            yield permission, metrics
    finally:
        task.cancel()


def denied_gauge(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("tts_google_denied")


async def test_with_nobody_asking_all_is_allowed_and_nothing_is_probed() -> None:
    probe = Probe(DENIED)
    async with running(probe) as (permission, metrics):
        await asyncio.sleep(0.02)
        assert permission.is_allowed
        assert (probe.calls, denied_gauge(metrics)) == (0, 0)


async def test_a_probe_that_works_at_once_says_that_the_voice_alone_is_denied() -> None:
    probe = Probe(None)
    async with running(probe) as (permission, metrics):
        assert await permission.settle() is True
        assert permission.is_allowed
        assert (probe.calls, denied_gauge(metrics)) == (1, 0)


async def test_when_all_is_denied_jobs_wait_and_are_tried_anew_once_it_is_allowed() -> None:
    probe = Probe(DENIED, DENIED, DENIED, None)
    async with running(probe) as (permission, metrics):
        job = asyncio.create_task(permission.settle())
        while permission.is_allowed:
            await asyncio.sleep(0)
        assert denied_gauge(metrics) == 1
        assert not job.done()
        assert await job is False
        assert permission.is_allowed
        assert (probe.calls, denied_gauge(metrics)) == (4, 0)


async def test_many_who_ask_at_once_share_one_probe() -> None:
    probe = Probe(None)
    probe.go.clear()
    async with running(probe) as (permission, _):
        jobs = [asyncio.create_task(permission.settle()) for _ in range(50)]
        await asyncio.sleep(0.01)
        jobs += [asyncio.create_task(permission.settle()) for _ in range(50)]
        await asyncio.sleep(0)
        probe.go.set()
        assert await asyncio.gather(*jobs) == [True] * 100
        assert probe.calls == 1


async def test_who_asks_later_gets_a_probe_of_its_own() -> None:
    probe = Probe(None, DENIED, None)
    async with running(probe) as (permission, _):
        assert await permission.settle() is True
        assert await permission.settle() is False
        assert await permission.settle() is True


async def test_a_job_that_is_cancelled_while_it_waits_takes_nobody_elses_verdict() -> None:
    probe = Probe(None)
    probe.go.clear()
    async with running(probe) as (permission, _):
        one, other = (asyncio.create_task(permission.settle()) for _ in range(2))
        await asyncio.sleep(0.01)
        one.cancel()
        await asyncio.sleep(0)
        probe.go.set()
        assert await other is True
        assert one.cancelled()
