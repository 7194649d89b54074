"""Puts a job into its lane and, if asked, waits for its completion."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import TopicPartition
from pydantic import ValidationError

from schemas.completion import Completion
from schemas.errors import UnavailableError
from schemas.job import Job
from schemas.topics import COMPLETIONS, LANES, prefixed
from schemas.words import Lane
from worker.config.sections import KafkaSettings
from worker.kafka.client.factory import connect_admin, consumer_alone
from worker.kafka.client.topics import TopicError


async def submit(producer: Any, settings: KafkaSettings, lane: Lane, job: Job, key: bytes | None = None) -> None:
    """Sends a job and waits until Kafka has it; the record's key, if none is given, is the job's id."""
    await producer.send_and_wait(
        prefixed(LANES[lane], settings.topic_prefix),
        value=job.model_dump_json(exclude_defaults=True).encode(),
        key=job.job_id.encode() if key is None else key,
    )


class CompletionReader:
    """Reads the completions that come after it was opened."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer

    async def wait_for(self, job_id: str, timeout_s: float) -> Completion:
        """The completion of a job.

        Raises:
            UnavailableError: none came in time.
        """
        try:
            async with asyncio.timeout(timeout_s):
                async for record in self._consumer:
                    if dict(record.headers).get("ce_subject") == job_id.encode():
                        return Completion.model_validate_json(record.value)
        except ValidationError as error:
            raise UnavailableError(
                f"the completion of {job_id} is of another version: {error.errors()[0]['msg']}"
            ) from None
        except TimeoutError:
            pass
        raise UnavailableError(
            f"no completion of {job_id} within {timeout_s:g} s; is a worker running? See its /readyz and its log"
        )


async def partitions_of(settings: KafkaSettings, topic: str) -> list[TopicPartition]:
    """The partitions of a topic.

    Raises:
        TopicError: there is no such topic.
    """
    async with connect_admin(settings) as admin:
        # Asking for a topic by name may create it; the list creates nothing.
        if topic not in await admin.list_topics():
            raise TopicError(f"there is no topic {topic}; `chirp-worker topics create` makes it")
        (described,) = await admin.describe_topics([topic])
    return [TopicPartition(topic, each["partition"]) for each in described["partitions"]]


@asynccontextmanager
async def read_completions(settings: KafkaSettings) -> AsyncIterator[CompletionReader]:
    """Opens a reader at the end of the completions, without a consumer group."""
    topic = prefixed(COMPLETIONS, settings.topic_prefix)
    async with consumer_alone(settings, "completions consumer") as consumer:
        await consumer.start()
        partitions = await partitions_of(settings, topic)
        consumer.assign(partitions)
        await consumer.seek_to_end()
        # The position is looked up only when it is asked for: ask before the job is sent.
        for partition in partitions:
            await consumer.position(partition)
        yield CompletionReader(consumer)
