"""A worker in its group: long jobs, second signals, offsets that somebody reset, Kafka missing at the start."""

import asyncio
import json
import signal
import sys
import time

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from loadtest.stack.local_stack import worker_environment
from loadtest.stack.ports import free_ports
from loadtest.stack.processes import Process
from schemas.enums import JobStatus, Lane
from schemas.topics import LANES
from tests.stack.deployment import get, job


async def test_a_job_longer_than_the_poll_interval_never_leaves_the_group(deployment):
    await deployment.emulator(latency={"kind": "constant", "seconds": 6.0})
    settings = {"KAFKA_MAX_POLL_INTERVAL_S": "2", "MAX_IN_FLIGHT": "2", "TTS_TIMEOUT_BASE_S": "20"}
    with deployment.worker(**settings) as (process, _):
        await deployment.produce(job(number) for number in range(4))
        completions = await deployment.completions(4)
        assert process.log.read_text().count('"event": "assigned"') == 1
    assert {c.status for c in completions} == {JobStatus.DONE}
    assert (await deployment.calls())["total"] == 4


@pytest.mark.parametrize("guarantee", ["at-least-once", "exactly-once"])
async def test_a_second_sigterm_leaves_at_once_and_loses_nothing(deployment, guarantee):
    await deployment.emulator(latency={"kind": "constant", "seconds": 9.0})
    settings = {"KAFKA_GROUP_INSTANCE_ID": "one", "DELIVERY": guarantee, "MAX_IN_FLIGHT": "8"}
    await deployment.produce(job(number) for number in range(20))
    with deployment.worker("first", **settings) as (process, _):
        async with asyncio.timeout(60):
            while (await deployment.calls())["in_flight"] < 8:
                await asyncio.sleep(0.05)
        process.signal(signal.SIGTERM)
        await asyncio.sleep(0.3)
        began = time.monotonic()
        process.signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 20) == 143
        took = time.monotonic() - began
    await deployment.emulator(latency={"kind": "constant", "seconds": 0.02})
    with deployment.worker("second", **settings):
        completions = await deployment.completions(20)
    assert sorted(c.job_id for c in completions) == sorted(f"job-{number}" for number in range(20))
    # The calls in work would have taken nine seconds.
    assert took < 8


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
        completions = await deployment.completions(20)
        assert process.log.read_text().count('"event": "offset_map_unreadable"') == 1
    assert len(completions) == 20
    assert all(c.audio.cached for c in completions[10:])
    assert (await deployment.calls())["total"] == 10


async def test_a_start_waits_for_kafka_and_says_so(deployment, own_cluster):
    await asyncio.to_thread(own_cluster.kill, 1)
    (port,) = free_ports(1)
    environment = worker_environment({**deployment.environment, "HTTP_PORT": str(port)})
    process = Process("early", [sys.executable, "-m", "worker", "run"], deployment.folder / "early.log", environment)
    try:
        async with asyncio.timeout(60):
            while '"event": "dependency_down"' not in process.log.read_text():
                await asyncio.sleep(0.1)
        status, text = await get(f"http://127.0.0.1:{port}/readyz")
        assert status == 503
        assert "Kafka" in text
        await asyncio.to_thread(own_cluster.start, 1)
        await deployment.produce(job(number) for number in range(5))
        completions = await deployment.completions(5)
        assert process.log.read_text().count('"event": "dependency_down"') == 1
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


@pytest.mark.alone
async def test_a_worker_that_is_frozen_past_its_session_commits_nothing_exactly_once(deployment):
    await deployment.emulator(latency={"kind": "constant", "seconds": 0.5})
    settings = {"DELIVERY": "exactly-once", "KAFKA_SESSION_TIMEOUT_S": "2", "MAX_IN_FLIGHT": "8"}
    # So many that both have some in work when one is frozen, however long the other's start took.
    await deployment.produce(job(number) for number in range(300))
    with (
        deployment.worker("frozen", **settings, KAFKA_GROUP_INSTANCE_ID="a") as (frozen, _),
        deployment.worker("other", **settings, KAFKA_GROUP_INSTANCE_ID="b"),
    ):
        frozen.signal(signal.SIGSTOP)
        await asyncio.sleep(5)
        frozen.signal(signal.SIGCONT)
        assert await asyncio.to_thread(frozen.wait, 30) == 1
        completions = await deployment.completions(300)
        assert "stood still" in frozen.log_end(3)
    assert sorted(c.job_id for c in completions) == sorted(f"job-{number}" for number in range(300))
