"""Workers that come, go and freeze under load; a broker that dies."""

import asyncio
import signal
from collections import Counter

import pytest

from tests.faults.campaign import Campaign, report, worker_settings
from tests.faults.scale import SCALE
from worker.config.settings import load_settings
from worker.kafka.client.admin import connect_admin

SESSION_S = 6
SLOTS = 16


def assignments(*workers) -> list[int]:
    """How often each worker was assigned partitions."""
    return [worker.log.read_text().count('"event": "assigned"') for worker in workers]


@pytest.mark.alone
async def test_workers_that_are_added_stopped_and_frozen_lose_nothing(deployment):
    campaign = Campaign(deployment, SCALE.jobs)
    await deployment.emulator(latency={"kind": "constant", "seconds": 1.0})
    settings = {"KAFKA_SESSION_TIMEOUT_S": str(SESSION_S), "MAX_IN_FLIGHT": str(SLOTS)}
    await campaign.produce()
    with (
        deployment.worker("a", **settings) as (a, _),
        deployment.worker("b", **settings) as (b, _),
        deployment.worker("c", **settings) as (c, _),
    ):
        await campaign.under_way()
        with deployment.worker("added", **settings) as (added, _):
            a.signal(signal.SIGTERM)
            assert await asyncio.to_thread(a.wait, 40) == 0
            before_freeze = set(await campaign.published())
            b.signal(signal.SIGSTOP)
            await asyncio.sleep(SESSION_S + 4)
            b.signal(signal.SIGCONT)
            ended = await campaign.completions(timeout_s=300)
            calmed = assignments(b, c, added)
            # A member that comes back joins; then there is nothing left to balance.
            await asyncio.sleep(SESSION_S + 2)
            still = assignments(b, c, added)
    repeats = campaign.repeats(ended)
    # What the frozen worker held is done by others. It publishes what was in work when it froze once more, and others
    # what it had published in its last moment and not committed.
    report(
        f"3. {SCALE.jobs} jobs, a worker added, one stopped, one frozen past its session of {SESSION_S} s",
        lost=len(campaign.lost(ended)),
        repeated=repeats.total(),
        of_these_published_before_the_freeze=len(set(repeats) & before_freeze),
        assignments=f"{still} (worker by worker)",
        google_calls_beyond=await campaign.calls() - SCALE.jobs,
    )
    assert campaign.lost(ended) == set()
    assert campaign.statuses(ended) == Counter(done=len(ended))
    assert len({each.event for each in ended}) == SCALE.jobs
    assert len(before_freeze) < SCALE.jobs
    assert repeats.total() <= 2 * SLOTS
    assert still == calmed
    assert max(still) <= 8


@pytest.mark.alone
async def test_partitions_that_are_handed_over_repeat_nothing_exactly_once(deployment):
    """A second worker joins and leaves: each time, partitions change hands while both have jobs in work."""
    campaign = Campaign(deployment, SCALE.handovers * 250)
    await deployment.emulator(latency={"kind": "constant", "seconds": 0.5})
    # A static member says no farewell: the other takes over once its session is over.
    settings = {"KAFKA_SESSION_TIMEOUT_S": "2", "DELIVERY": "exactly-once", "MAX_IN_FLIGHT": "16"}
    await campaign.produce()
    with deployment.worker("stays", **settings, KAFKA_GROUP_INSTANCE_ID="stays") as (stays, _):
        await campaign.under_way()
        handovers = 0
        for visit in range(SCALE.handovers // 2):
            before = assignments(stays)[0]
            with deployment.worker(f"visits-{visit}", **settings, KAFKA_GROUP_INSTANCE_ID="visits") as (visits, _):
                await asyncio.sleep(2)
                visits.signal(signal.SIGTERM)
                assert await asyncio.to_thread(visits.wait, 40) == 0, visits.log_end()
            await asyncio.sleep(4)
            handovers += assignments(stays)[0] - before
            left = campaign.jobs - len(set(await campaign.published()))
            assert left > 0
        ended = await campaign.completions(timeout_s=300)
        running = stays.running
    report(
        f"1. {handovers} hand-overs under load in {campaign.jobs} jobs, exactly-once",
        lost=len(campaign.lost(ended)),
        repeated=campaign.repeats(ended).total(),
        google_calls_beyond=await campaign.calls() - campaign.jobs,
    )
    assert handovers >= SCALE.handovers
    assert campaign.lost(ended) == set()
    assert not campaign.repeats(ended)
    assert running


async def coordinator(deployment, instance: str, *, of_transactions: bool) -> int:
    """The broker that coordinates a deployment's group, or the transactions of a worker of it."""
    name = f"{deployment.name}-{instance}" if of_transactions else deployment.name
    async with connect_admin(load_settings(deployment.environment).kafka) as admin:
        return await admin.find_coordinator(name, int(of_transactions))


@pytest.mark.parametrize("of_transactions", [False, True], ids=["the group's", "the transactions'"])
async def test_a_broker_of_three_that_is_killed_and_restarted_repeats_nothing(
    deployment_on_three, three_brokers, of_transactions
):
    deployment = deployment_on_three
    campaign = Campaign(deployment, SCALE.jobs)
    await deployment.emulator(latency={"kind": "constant", "seconds": 0.2})
    await campaign.produce()
    settings = worker_settings(deployment, "exactly-once")
    with deployment.worker(**settings) as (process, _):
        await campaign.under_way()
        # The broker that knows the group's offsets, or the one that knows the worker's transactions.
        broker = await coordinator(deployment, settings["KAFKA_GROUP_INSTANCE_ID"], of_transactions=of_transactions)
        await asyncio.to_thread(three_brokers.kill, broker)
        await asyncio.sleep(3)
        await asyncio.to_thread(three_brokers.start, broker)
        ended = await campaign.completions(timeout_s=300)
        running = process.running
    report(
        f"4. {SCALE.jobs} jobs, one of three brokers killed and restarted, exactly-once",
        it_coordinated="the transactions" if of_transactions else "the group",
        lost=len(campaign.lost(ended)),
        repeated=campaign.repeats(ended).total(),
        google_calls_beyond=await campaign.calls() - SCALE.jobs,
    )
    assert campaign.lost(ended) == set()
    assert not campaign.repeats(ended)
    assert running
