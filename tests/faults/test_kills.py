"""SIGKILL and SIGTERM at random moments under load."""

import asyncio
import random
import signal

import pytest

from tests.faults.campaign import Campaign, report, wait_for_exit, worker_settings
from tests.faults.scale import SCALE

GRACE_S = 20.0


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
            await asyncio.to_thread(process.wait, 20)
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
    slowest = 0.0
    for stop in range(SCALE.kills):
        with deployment.worker(f"stopped-{stop}", **settings) as (process, _):
            await campaign.under_way()
            await asyncio.sleep(moments.uniform(0.0, 1.0))
            process.signal(signal.SIGTERM)
            status, took = await wait_for_exit(process, GRACE_S + 10)
            slowest = max(slowest, took)
            assert status == 0, process.log_end()
    with deployment.worker("last", **settings):
        ended = await campaign.completions(timeout_s=240)
    calls = await campaign.calls()
    report(
        f"2. SIGTERM {SCALE.kills} times in {SCALE.jobs} jobs, {guarantee}",
        lost=len(campaign.lost(ended)),
        repeated=campaign.repeats(ended).total(),
        google_calls_beyond=calls - SCALE.jobs,
        slowest_exit=f"{slowest:.1f} s of {GRACE_S:g} s",
    )
    assert campaign.lost(ended) == set()
    assert not campaign.repeats(ended)
    assert calls == SCALE.jobs
    assert slowest < GRACE_S
