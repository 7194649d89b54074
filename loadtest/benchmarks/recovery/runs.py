"""One run: workers on topics of their own, jobs that lie there, a kill or a pause, and all completions."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from loadtest.benchmarks.recovery.flow import PARTITIONS, Arrival, Arrivals, Recovery, job_id, partition_of, recovery
from loadtest.benchmarks.throughput.topics import completions_of, topics_of
from loadtest.stack.local_stack import worker_process
from loadtest.stack.processes import Process
from schemas.enums import Lane
from schemas.topics import LANES, prefixed

_LONGEST_S: Final = 180.0
# What a killed worker had sent may arrive a moment later, and repeats come late.
_QUIET_S: Final = 2.0
_PAUSE_S: Final = 8.0
# A member that was removed learns it at its next heartbeat, and its partitions move within seconds.
_AFTER_PAUSE_S: Final = 6.0


class Way(StrEnum):
    """How a killed worker's jobs go on."""

    RESTART = "restarted, by name"
    NAMELESS = "restarted, nameless"
    TAKEN_OVER = "others take over"


@dataclass(frozen=True)
class Bench:
    """Where runs happen: the broker, the folder of the logs, the variables of the workers."""

    bootstrap: str
    folder: Path
    environment: Mapping[str, str]


async def run_kill(bench: Bench, name: str, guarantee: str, way: Way, jobs: int) -> Recovery:
    """Kills one worker of one, or of two, in the midst of its jobs.

    Raises:
        StackError: a worker didn't start.
        ValueError: it had nothing left to do.
        TimeoutError: not all jobs ended within three minutes.
    """
    async with _topics(bench, name, guarantee) as (environment, arrivals), AsyncExitStack() as stack:
        killed = await _start(stack, bench, environment, name, "killed", named=way is not Way.NAMELESS)
        if way is Way.TAKEN_OVER:
            await _start(stack, bench, environment, name, "other", named=True)
        partitions = await _assigned(killed, prefixed(LANES[Lane.DIALOGUE], name), alone=way is not Way.TAKEN_OVER)
        await _produce(bench.bootstrap, name, jobs)
        await _until(lambda: len(arrivals.values) >= jobs // 5)
        killed_at = time.time()
        killed.kill()
        if way is not Way.TAKEN_OVER:
            await _start(stack, bench, environment, name, "killed", named=way is Way.RESTART)
        expected = {job_id(name, number) for number in range(jobs)}
        await _until(lambda: arrivals.done >= expected)
        await asyncio.sleep(_QUIET_S)
        return recovery(arrivals, expected, killed_at, partitions)


async def run_pause(bench: Bench, name: str, guarantee: str, jobs: int) -> int:
    """Stops one of two workers for 8 s, and lets it go on.

    Returns:
        How many assignments the group made after that.

    Raises:
        StackError: a worker didn't start.
        TimeoutError: not all jobs ended within three minutes.
    """
    async with _topics(bench, name, guarantee) as (environment, arrivals), AsyncExitStack() as stack:
        workers = [await _start(stack, bench, environment, name, each, named=True) for each in ("paused", "other")]
        await _assigned(workers[0], prefixed(LANES[Lane.DIALOGUE], name), alone=False)
        await _produce(bench.bootstrap, name, jobs)
        await _until(lambda: len(arrivals.values) >= jobs // 5)
        before = [_count_assignments(worker) for worker in workers]
        workers[0].signal(signal.SIGSTOP)
        await asyncio.sleep(_PAUSE_S)
        workers[0].signal(signal.SIGCONT)
        expected = {job_id(name, number) for number in range(jobs)}
        await _until(lambda: arrivals.done >= expected)
        await asyncio.sleep(_AFTER_PAUSE_S)
        return sum(_count_assignments(worker) for worker in workers) - sum(before)


@asynccontextmanager
async def _topics(bench: Bench, name: str, guarantee: str) -> AsyncIterator[tuple[dict[str, str], Arrivals]]:
    """The variables of workers on topics of their own, and what comes of their jobs."""
    names = {"KAFKA_TOPIC_PREFIX": name, "KAFKA_GROUP_ID": f"{name}-group", "S3_PREFIX": name, "DELIVERY": guarantee}
    arrivals = Arrivals()
    async with topics_of(bench.bootstrap, name, PARTITIONS), completions_of(bench.bootstrap, name) as consumer:
        reading = asyncio.create_task(_read(consumer, arrivals))
        try:
            yield {**bench.environment, **names}, arrivals
        finally:
            reading.cancel()
            await asyncio.wait([reading])
    if not reading.cancelled():
        reading.result()


async def _produce(bootstrap: str, name: str, jobs: int) -> None:
    """Sends the jobs, to all partitions alike."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    topic = prefixed(LANES[Lane.DIALOGUE], name)
    try:
        sent = []
        for number in range(jobs):
            job = {"job_id": job_id(name, number), "character": "pip_boy", "text": f"{name}, line {number} of many."}
            sent.append(await producer.send(topic, json.dumps(job).encode(), partition=partition_of(number)))
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def _read(consumer: Any, arrivals: Arrivals) -> None:
    while True:
        taken = await consumer.getmany(timeout_ms=200)
        arrived_at = time.time()
        for records in taken.values():
            arrivals.values += [
                Arrival(json.loads(record.value)["job_id"], record.timestamp / 1000, arrived_at) for record in records
            ]


async def _start(
    stack: AsyncExitStack, bench: Bench, environment: Mapping[str, str], name: str, worker: str, *, named: bool
) -> Process:
    # `exactly-once` is refused without a name.
    settings = {**environment, "KAFKA_GROUP_INSTANCE_ID": f"{name}-{worker}" if named else "none"}
    started = worker_process(settings, bench.folder, f"{name}-{worker}")
    process, _ = await asyncio.to_thread(started.__enter__)
    stack.push_async_callback(asyncio.to_thread, started.__exit__, None, None, None)
    return process


def _events(worker: Process, event: str) -> list[dict[str, Any]]:
    lines = worker.log.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if f'"event": "{event}"' in line]


def _count_assignments(worker: Process) -> int:
    return len(_events(worker, "assigned"))


async def _assigned(worker: Process, topic: str, *, alone: bool) -> set[int]:
    """The partitions of a topic that the worker has, once it has all, or half of them beside another."""
    found: set[int] = set()

    def look() -> bool:
        places = [each.rsplit("/", 1) for each in _events(worker, "assigned")[-1]["partitions"]]
        found.clear()
        found.update(int(number) for name, number in places if name == topic)
        return len(found) == (PARTITIONS if alone else PARTITIONS // 2)

    await _until(look)
    return found


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(_LONGEST_S):
        while not holds():  # noqa: ASYNC110  # a process's log and lists that grow have no event
            await asyncio.sleep(0.02)
