"""A run's topics, its jobs on all partitions alike, and its completions as a reader of committed records gets them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from loadtest.benchmarks.recovery.flow import PARTITIONS, Arrival, Arrivals, job_id, partition_of
from loadtest.benchmarks.throughput.topics import completions_of, settings_of, topics_of
from loadtest.stack.processes import Process
from schemas.enums import Lane
from schemas.topics import LANES, prefixed

_LONGEST_S: Final = 180.0


@dataclass(frozen=True)
class Bench:
    """Where runs happen: the broker, the folder of the logs, the variables of the workers."""

    bootstrap: str
    folder: Path
    environment: Mapping[str, str]


@asynccontextmanager
async def topics(bench: Bench, name: str, guarantee: str) -> AsyncIterator[tuple[dict[str, str], Arrivals]]:
    """The variables of workers on topics of their own, and what comes of their jobs; removes the topics at the end."""
    arrivals = Arrivals()
    async with topics_of(bench.bootstrap, name, PARTITIONS), completions_of(bench.bootstrap, name) as consumer:
        reading = asyncio.create_task(_read(consumer, arrivals))
        try:
            yield {**bench.environment, **settings_of(name), "DELIVERY": guarantee}, arrivals
        finally:
            reading.cancel()
            await asyncio.wait([reading])
    if not reading.cancelled():
        reading.result()


async def produce(bootstrap: str, name: str, jobs: int) -> None:
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


def events(worker: Process, event: str) -> list[dict[str, Any]]:
    """The lines of a worker's log that tell of an event."""
    lines = worker.log.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if f'"event": "{event}"' in line]


async def until(holds: Callable[[], bool]) -> None:
    """Waits until it holds.

    Raises:
        TimeoutError: it doesn't within three minutes.
    """
    async with asyncio.timeout(_LONGEST_S):
        while not holds():  # noqa: ASYNC110  # a process's log and lists that grow have no event
            await asyncio.sleep(0.02)
