"""Cancelled jobs of a backlog on Apache Kafka: each job ends exactly once, and only what is wanted is paid for."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from loadtest.stack.counters import scrape
from schemas.enums import JobStatus, Lane
from tests.stack.cli import run
from tests.stack.deployment import job
from tests.until import until
from worker.config.settings import load_settings
from worker.speech.catalogue_file import load_catalogue
from worker.speech.google import connect_google
from worker.speech.health import trial_call

BACKLOG, CANCELLED, HOLDING = 50, 20, 4
LONG = {"TTS_TIMEOUT_BASE_S": "300", "TTS_TIMEOUT_MAX_S": "300"}


@asynccontextmanager
async def google_held(deployment):
    """Meanwhile the emulator has a place for one call, which a call of the test's own has."""
    await deployment.emulator(capacity=1, latency={"kind": "constant", "seconds": 300})
    async with connect_google(load_settings({**deployment.environment, **LONG}).google) as google:
        holding = asyncio.create_task(trial_call(google, load_catalogue())())
        try:
            await under_way(deployment, 1)
            await deployment.emulator(latency={"kind": "constant", "seconds": 0.02})
            yield
        finally:
            holding.cancel()
            with suppress(asyncio.CancelledError):
                await holding


async def under_way(deployment, calls: int) -> None:
    async def found() -> bool:
        return (await deployment.calls())["in_flight"] == calls

    await until(found)


@pytest.mark.parametrize("guarantee", ["at-least-once", "exactly-once"])
async def test_of_a_backlog_what_was_cancelled_ends_as_that_once_and_is_not_paid_for(deployment, guarantee):
    settings = {**LONG, "DELIVERY": guarantee, "CHIRP3_ROLLOUT_PERCENTAGE": "100", "DIALOGUE_SHARE": "0"}
    held = {**settings, "MAX_IN_FLIGHT": str(HOLDING)}
    unwanted = [f"job-{number}" for number in range(0, 2 * CANCELLED, 2)]
    with deployment.worker("first", **held, KAFKA_GROUP_INSTANCE_ID="first") as (_, address):
        async with google_held(deployment):
            await deployment.produce((job(1000 + number) for number in range(HOLDING)), Lane.BATCH)
            await under_way(deployment, 1 + HOLDING)
            # The worker is full: these stay in Kafka.
            await deployment.produce((job(number) for number in range(BACKLOG)), Lane.BATCH)
            assert (await run(deployment, "cancel", *unwanted)).returncode == 0

            async def known() -> bool:
                return (await scrape(address)).total("tts_cancellations_total", outcome="noted") == CANCELLED

            await until(known)
        # It shares the backlog, and has read the cancellations before its first job.
        with deployment.worker("second", **settings, KAFKA_GROUP_INSTANCE_ID="second"):
            completions = await deployment.completions(HOLDING + BACKLOG)
    assert sorted(each.job_id for each in completions) == sorted(
        f"job-{number}" for number in (*range(BACKLOG), *range(1000, 1000 + HOLDING))
    )
    assert sorted(each.job_id for each in completions if each.status is JobStatus.CANCELLED) == sorted(unwanted)
    assert {each.status for each in completions} == {JobStatus.DONE, JobStatus.CANCELLED}
    calls = (await deployment.calls())["calls"]["chirp3-hd"]
    assert calls == {"OK": HOLDING + BACKLOG - CANCELLED}
