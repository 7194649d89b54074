"""SIGKILL and SIGTERM at random moments under load."""

import asyncio
import random
import signal

import pytest

from tests.faults.campaign import Campaign, report, worker_settings
from tests.faults.scale import SCALE
from tests.until import HANG_S

GRACE_S = 120.0


@pytest.mark.parametrize("guarantee", ["at-least-once", "exactly-once"])
async def test_sigkill_at_random_moments_loses_nothing(deployment, guarantee):
    campaign = Campaign(deployment, SCALE.jobs)
    await deployment.emulator(latency={"kind": "constant", "seconds": 0.1})
    settings = worker_settings(deployment, guarantee)
    in_flight = int(settings["MAX_IN_FLIGHT"])
    await campaign.produce()
    moments = random.Random(9)
    exposed = 0
    for kill in range(SCALE.kills):
        with deployment.worker(f"killed-{kill}", **settings) as (process, _):
            await campaign.under_way()
            await asyncio.sleep(moments.uniform(0.0, 1.0))
            process.signal(signal.SIGKILL)
            await asyncio.to_thread(process.wait, HANG_S)
        await campaign.settled()
        if guarantee == "at-least-once":
            exposed += await campaign.exposed()
    with deployment.worker("last", **settings):
        ended = await campaign.completions(timeout_s=240)
    calls = await campaign.calls()
    repeated = campaign.repeats(ended).total()
    report(
        f"1. SIGKILL {SCALE.kills} times in {SCALE.jobs} jobs, {guarantee}",
        lost=len(campaign.lost(ended)),
        repeated=repeated,
        published_and_not_committed_at_the_kills=exposed,
        google_calls_beyond=calls - SCALE.jobs,
        in_flight_at_most=SCALE.kills * in_flight,
    )
    assert campaign.lost(ended) == set()
    assert repeated <= exposed
    assert calls - SCALE.jobs <= SCALE.kills * in_flight
    assert campaign.statuses(ended).keys() == {"done"}
    # A repeat is told as one by its event id.
    assert len({each.event for each in ended}) == SCALE.jobs


@pytest.mark.parametrize("guarantee", ["at-least-once", "exactly-once"])
async def test_sigterm_at_random_moments_loses_and_repeats_nothing(deployment, guarantee):
    campaign = Campaign(deployment, SCALE.jobs)
    await deployment.emulator(latency={"kind": "constant", "seconds": 0.3})
    settings = worker_settings(deployment, guarantee, SHUTDOWN_GRACE_S=str(GRACE_S))
    await campaign.produce()
    moments = random.Random(10)
    unanswered = False
    for stop in range(SCALE.kills):
        with deployment.worker(f"stopped-{stop}", **settings) as (process, _):
            await campaign.under_way()
            await asyncio.sleep(moments.uniform(0.0, 1.0))
            process.signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, GRACE_S) == 0, process.log_end()
            # A broker that stands still for two seconds just then gets no last commit.
            unanswered |= "last_commit_failed" in process.log.read_text()
    with deployment.worker("last", **settings):
        ended = await campaign.completions(timeout_s=240)
    calls = await campaign.calls()
    report(
        f"2. SIGTERM {SCALE.kills} times in {SCALE.jobs} jobs, {guarantee}",
        lost=len(campaign.lost(ended)),
        repeated=campaign.repeats(ended).total(),
        google_calls_beyond=calls - SCALE.jobs,
        a_last_commit_failed=unanswered,
    )
    assert campaign.lost(ended) == set()
    assert not campaign.repeats(ended) or (guarantee == "at-least-once" and unanswered)
    assert calls == SCALE.jobs
