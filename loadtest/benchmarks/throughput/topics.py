"""The bench's own topics: made afresh for each run, preloaded, read to the last completion, removed."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code

from loadtest.benchmarks.throughput.lines import Run
from schemas.enums import Lane
from schemas.topics import COMPLETIONS, LANES, all_topics, prefixed

# Reading every few records at once would cost the machine that is measured; only the end is timed.
_READ_EVERY_S: Final = 0.2
_CLOSELY_FROM: Final = 200


@dataclass
class Completions:
    """What was read of a run's completions; `last_at` is when the last came, in seconds since 1970."""

    values: list[dict[str, Any]] = field(default_factory=list)
    last_at: float = 0.0


def settings_of(name: str) -> dict[str, str]:
    """The variables of a run that shares no topic, no group and no take with another one."""
    return {"KAFKA_TOPIC_PREFIX": name, "KAFKA_GROUP_ID": f"{name}-group", "S3_PREFIX": name}


@asynccontextmanager
async def topics_of(bootstrap: str, prefix: str, partitions: int) -> AsyncIterator[None]:
    """Makes a run's topics, of so many partitions each, and removes them when the context ends.

    Raises:
        KafkaError: the broker refused.
    """
    names = [prefixed(topic.name, prefix) for topic in all_topics()]
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        # The broker's own replication factor; aiokafka takes the -1 only beside (no) assignments.
        new = [NewTopic(name, partitions, -1, replica_assignments={}) for name in names]
        answer = await admin.create_topics(new)
        for name, code, *_ in answer.topic_errors:
            if code:
                raise for_code(code)(name)
        yield
        await admin.delete_topics(names)
    finally:
        await admin.close()


async def preload(bootstrap: str, run: Run) -> None:
    """Writes all jobs of a run into the dialogue lane."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=False)
    await producer.start()
    topic = prefixed(LANES[Lane.DIALOGUE], run.name)
    try:
        sent = []
        for number in range(run.jobs):
            job = run.job(number).model_dump(mode="json", exclude_defaults=True)
            key, value = run.job_id(number).encode(), json.dumps(job).encode()
            sent.append(await producer.send(topic, value, key=key, partition=run.partition(number)))
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


@asynccontextmanager
async def completions_of(bootstrap: str, prefix: str) -> AsyncIterator[Any]:
    """A started consumer of a run's completions."""
    consumer = AIOKafkaConsumer(
        prefixed(COMPLETIONS, prefix),
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def read_completions(consumer: Any, count: int, completions: Completions) -> None:
    """Reads until `count` completions are there; closely once the last are coming."""
    while len(completions.values) < count:
        taken = await consumer.getmany(timeout_ms=100)
        arrived = time.time()
        for records in taken.values():
            completions.values += [json.loads(record.value) for record in records]
            completions.last_at = arrived
        if count - len(completions.values) > _CLOSELY_FROM:
            await asyncio.sleep(_READ_EVERY_S)
