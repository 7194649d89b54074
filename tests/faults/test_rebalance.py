"""Workers that come, go and freeze under load; a broker that dies."""

import asyncio
import signal
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from loadtest.stack.processes import Process
from tests.faults.campaign import Campaign, report, started, worker_settings
from tests.faults.scale import SCALE
from tests.until import HANG_S, until
from worker.config.settings import load_settings
from worker.kafka.client.admin import connect_admin

SESSION_S = 12
"""Longer than a process stands still on a starved machine."""
SLOTS = 16


def assignments(*workers) -> list[int]:
    """How often each worker was assigned partitions."""
    return [worker.log.read_text().count('"event": "assigned"') for worker in workers]


@pytest.mark.alone
async def test_workers_that_are_added_stopped_and_frozen_lose_nothing(deployment):
    campaign = Campaign(deployment, 0)
    await deployment.emulator(latency={"kind": "constant", "seconds": 1.0})
    settings = {"KAFKA_SESSION_TIMEOUT_S": str(SESSION_S), "MAX_IN_FLIGHT": str(SLOTS), "REVOKE_WAIT_S": "8"}
    async with AsyncExitStack() as stack:

        async def start(name: str) -> Process:
            return await stack.enter_async_context(started(deployment.worker(name, **settings)))

        async with campaign.busy():
            a, b, c = [await start(name) for name in "abc"]
            await campaign.under_way()
            added = await start("added")
            a.signal(signal.SIGTERM)
            assert await asyncio.to_thread(a.wait, HANG_S) == 0
            before_freeze = set(await campaign.published())
            before = assignments(c, added)
            b.signal(signal.SIGSTOP)
            await asyncio.sleep(SESSION_S)
            await until(lambda: all(now > then for now, then in zip(assignments(c, added), before, strict=True)))
            b.signal(signal.SIGCONT)
        ended = await campaign.completions(timeout_s=600)
        calmed = assignments(b, c, added)
        # A member that comes back joins; then there is nothing left to balance.
        await asyncio.sleep(SESSION_S + 2)
        still = assignments(b, c, added)
    repeats = campaign.repeats(ended)
    # What the frozen worker held is done by others. It publishes what was in work when it froze once more, and others
    # what it had published in its last moment and not committed.
    report(
        f"3. {campaign.jobs} jobs, a worker added, one stopped, one frozen past its session of {SESSION_S} s",
        lost=len(campaign.lost(ended)),
        repeated=repeats.total(),
        of_these_published_before_the_freeze=len(set(repeats) & before_freeze),
        assignments=f"{still} (worker by worker)",
        google_calls_beyond=await campaign.calls() - campaign.jobs,
    )
    assert campaign.lost(ended) == set()
    assert campaign.statuses(ended) == Counter(done=len(ended))
    assert len({each.event for each in ended}) == campaign.jobs
    assert len(before_freeze) < campaign.jobs
    assert repeats.total() <= 2 * SLOTS
    assert still == calmed
    assert max(still) <= 8


@pytest.mark.alone
async def test_partitions_that_are_handed_over_repeat_nothing_exactly_once(deployment):
    """A second worker joins and leaves: each time, partitions change hands while both have jobs in work."""
    campaign = Campaign(deployment, 0)
    await deployment.emulator(latency={"kind": "constant", "seconds": 0.5})
    # A static member says no farewell: the other takes over once its session is over.
    settings = {"KAFKA_SESSION_TIMEOUT_S": str(SESSION_S), "DELIVERY": "exactly-once", "MAX_IN_FLIGHT": str(SLOTS)}

    async def at_work() -> bool:
        return (await deployment.calls())["in_flight"] > 0

    async with started(deployment.worker("stays", **settings, KAFKA_GROUP_INSTANCE_ID="stays")) as stays:
        async with campaign.busy():
            await campaign.under_way()
            first = assignments(stays)[0]
            for visit in range(SCALE.handovers // 2):
                before = assignments(stays)[0]
                visitor = deployment.worker(f"visits-{visit}", **settings, KAFKA_GROUP_INSTANCE_ID="visits")
                async with started(visitor) as visits:
                    await until(lambda: '"event": "job"' in visits.log.read_text())
                    visits.signal(signal.SIGTERM)
                    assert await asyncio.to_thread(visits.wait, HANG_S) == 0, visits.log_end()
                # It joined, and it was missed.
                await until(lambda: assignments(stays)[0] >= before + 2)  # noqa: B023
                await until(at_work)
            handovers = assignments(stays)[0] - first
        ended = await campaign.completions(timeout_s=600)
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
