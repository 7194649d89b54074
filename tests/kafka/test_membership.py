"""A worker in its group: long jobs, second signals, offsets that somebody reset, Kafka missing at the start."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from loadtest.stack.local_stack import worker_environment
from loadtest.stack.ports import free_ports
from loadtest.stack.processes import Process
from schemas.enums import JobStatus, Lane
from schemas.groups import worker_transactional_id
from schemas.topics import COMPLETIONS, LANES
from tests.stack.deployment import get, job
from tests.stack.test_outages import outages
from tests.until import HANG_S, until
from worker.config.settings import load_settings
from worker.kafka.client.admin import connect_admin
from worker.kafka.client.open_transactions import list_open_transactions

SESSION_S = 10
"""Longer than a process stands still on a starved machine."""


def assignments(process) -> int:
    return process.log.read_text().count('"event": "assigned"')


@asynccontextmanager
async def left_open(deployment, transactional_id: str) -> AsyncIterator[None]:
    """A transaction that nobody ends, as a killed worker leaves it; Kafka's time-out is far away."""
    producer = AIOKafkaProducer(
        bootstrap_servers=deployment.stack.kafka, transactional_id=transactional_id, transaction_timeout_ms=900_000
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        for partition in range(12):
            await producer.send_and_wait(deployment.topic(COMPLETIONS), b"{}", partition=partition)
        yield
    finally:
        # No worker's producer ends its transaction by being killed; this one's stop would.
        await producer.client.close()
        producer._closed = True


async def count_members(deployment) -> int:
    async with connect_admin(load_settings(deployment.environment).kafka) as admin:
        (answer,) = await admin.describe_consumer_groups([deployment.name])
        (described,) = answer.groups
    # Error code, group, state, protocol type, protocol, members.
    return len(described[5])


async def test_a_job_longer_than_the_poll_interval_never_leaves_the_group(deployment):
    # Two jobs take all slots for several intervals, each longer than a process stands still.
    await deployment.set_faults({"kind": "slow", "seconds": 25, "limit": 2})
    with deployment.worker(KAFKA_MAX_POLL_INTERVAL_S="8", MAX_IN_FLIGHT="2") as (process, _):
        before = assignments(process)
        await deployment.produce(job(number) for number in range(4))
        completions = await deployment.completions(4)
        assert assignments(process) == before
    assert {c.status for c in completions} == {JobStatus.DONE}
    assert (await deployment.calls())["total"] == 4


@pytest.mark.parametrize("guarantee", ["at-least-once", "exactly-once"])
async def test_a_second_sigterm_leaves_at_once_and_loses_nothing(deployment, guarantee):
    await deployment.set_faults({"kind": "hang"})
    settings = {"KAFKA_GROUP_INSTANCE_ID": "one", "DELIVERY": guarantee, "MAX_IN_FLIGHT": "8"}
    # Neither the calls nor the drain after the first signal end within the time that the exit is given.
    patient = {"TTS_TIMEOUT_BASE_S": "600", "TTS_TIMEOUT_MAX_S": "600", "SHUTDOWN_GRACE_S": "3600"}
    await deployment.produce(job(number) for number in range(20))
    with deployment.worker("first", **settings, **patient) as (process, _):

        async def all_hang() -> bool:
            return (await deployment.calls())["in_flight"] == 8

        await until(all_hang)
        process.signal(signal.SIGTERM)
        await until(lambda: '"event": "draining"' in process.log.read_text())
        process.signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, HANG_S) == 143
    await deployment.set_faults()
    with deployment.worker("second", **settings):
        completions = await deployment.completions(20)
    assert sorted(c.job_id for c in completions) == sorted(f"job-{number}" for number in range(20))


async def test_offsets_that_somebody_reset_are_done_again_with_a_warning(deployment):
    with deployment.worker("first"):
        await deployment.produce(job(number) for number in range(10))
        await deployment.completions(10)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=deployment.stack.kafka, group_id=deployment.name, enable_auto_commit=False
    )
    await consumer.start()
    topic = deployment.topic(LANES[Lane.DIALOGUE])
    partitions = [TopicPartition(topic, number) for number in range(12)]
    try:
        consumer.assign(partitions)
        await consumer.commit(dict.fromkeys(partitions, 0))
    finally:
        await consumer.stop()
    with deployment.worker("second") as (process, _):
        completions = await deployment.completions(10, wanted=lambda each: each.audio.cached)
        assert process.log.read_text().count('"event": "offset_map_unreadable"') == 1
    assert {each.job_id for each in completions if each.audio.cached} == {f"job-{number}" for number in range(10)}
    assert (await deployment.calls())["total"] == 10


async def test_a_start_waits_for_kafka_and_says_so(deployment, own_cluster):
    await asyncio.to_thread(own_cluster.kill, 1)
    (port,) = free_ports(1)
    environment = worker_environment({**deployment.environment, "HTTP_PORT": str(port)})
    process = Process("early", [sys.executable, "-m", "worker", "run"], deployment.folder / "early.log", environment)
    try:
        await until(lambda: outages(process, "kafka"))
        status, text = await get(f"http://127.0.0.1:{port}/readyz")
        assert status == 503
        assert "Kafka" in text
        await asyncio.to_thread(own_cluster.start, 1)
        await deployment.produce(job(number) for number in range(5))
        completions = await deployment.completions(5)
        # Said once, however long it took.
        assert outages(process, "kafka")[:2] == ["dependency_down", "dependency_up"]
    finally:
        process.stop()
        await asyncio.to_thread(own_cluster.start, 1)
    assert {c.status for c in completions} == {JobStatus.DONE}


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_a_producer_may_compress_as_it_likes(deployment, codec):
    producer = AIOKafkaProducer(bootstrap_servers=deployment.stack.kafka, compression_type=codec)
    await producer.start()
    try:
        for number in range(5):
            await producer.send_and_wait(deployment.topic(LANES[Lane.DIALOGUE]), json.dumps(job(number)).encode())
    finally:
        await producer.stop()
    with deployment.worker():
        completions = await deployment.completions(5)
    assert {c.status for c in completions} == {JobStatus.DONE}


async def test_a_worker_that_is_frozen_past_its_session_commits_nothing_exactly_once(deployment):
    await deployment.emulator(latency={"kind": "constant", "seconds": 0.5})
    settings = {"DELIVERY": "exactly-once", "KAFKA_SESSION_TIMEOUT_S": f"{SESSION_S}", "MAX_IN_FLIGHT": "8"}
    # So many that both have some in work when one is frozen, however long the other's start took.
    await deployment.produce(job(number) for number in range(300))
    with (
        deployment.worker("frozen", **settings, KAFKA_GROUP_INSTANCE_ID="a") as (frozen, _),
        deployment.worker("other", **settings, KAFKA_GROUP_INSTANCE_ID="b"),
    ):
        frozen.signal(signal.SIGSTOP)
        await asyncio.sleep(SESSION_S)

        # The other one is assigned no partitions before the frozen one's transaction has ended.
        async def is_alone() -> bool:
            return await count_members(deployment) == 1

        await until(is_alone)
        frozen.signal(signal.SIGCONT)
        assert await asyncio.to_thread(frozen.wait, HANG_S) == 1
        completions = await deployment.completions(300)
        assert "stood still" in frozen.log_end(3)
    assert sorted(c.job_id for c in completions) == sorted(f"job-{number}" for number in range(300))


async def test_what_a_killed_worker_left_open_is_ended_by_whoever_takes_over(deployment):
    dead = worker_transactional_id(deployment.name, "dead")
    async with left_open(deployment, dead), connect_admin(load_settings(deployment.environment).kafka) as admin:

        async def is_old_enough() -> bool:
            # A worker looks for what has been open for half of its session.
            return dead in (await list_open_transactions(admin, SESSION_S / 2) or [])

        await until(is_old_enough)
        await deployment.produce(job(number) for number in range(10))
        settings = {"DELIVERY": "exactly-once", "KAFKA_SESSION_TIMEOUT_S": f"{SESSION_S}"}
        with deployment.worker(**settings, KAFKA_GROUP_INSTANCE_ID="a") as (process, _):
            # Readers of committed records would wait behind what is open.
            completions = await deployment.completions(10)
            assert dead in process.log.read_text()
        assert dead not in (await list_open_transactions(admin, 0) or [])
    assert sorted(c.job_id for c in completions) == sorted(f"job-{number}" for number in range(10))
