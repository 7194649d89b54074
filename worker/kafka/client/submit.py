"""Submits a job to its lane, and waits for its completion where the caller wants it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from pydantic import ValidationError

from schemas.completion import Completion
from schemas.enums import Lane
from schemas.errors import UnavailableError
from schemas.job import Job
from schemas.topics import COMPLETIONS, LANES, prefixed
from worker.config.sections import KafkaSettings
from worker.kafka.client.consumer import standalone_consumer
from worker.kafka.client.consumer_interface import Consumer
from worker.kafka.client.producer import Producer
from worker.kafka.client.topics import list_partitions
from worker.observability.tracing.tracer import Tracer

_POLL_MS: Final = 500


def job_record(job: Job) -> bytes:
    """The value of a job's record; the same for equal jobs."""
    return job.model_dump_json(exclude_defaults=True).encode()


async def submit(
    producer: Producer, settings: KafkaSettings, lane: Lane, job: Job, tracer: Tracer, *, key: bytes | None = None
) -> None:
    """Sends a job and waits until Kafka has acknowledged it; the record's key is the job's id by default.

    The job's trace begins here.
    """
    topic = prefixed(LANES[lane], settings.topic_prefix)
    with tracer.publish(job_id=job.job_id, lane=lane.value) as publishing:
        await producer.send_and_wait(
            topic,
            value=job_record(job),
            key=job.job_id.encode() if key is None else key,
            headers=publishing.headers(topic, []),
        )


class CompletionReader:
    """Reads the completions that are published after it was opened."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    async def wait_for(self, job_id: str, timeout_s: float) -> Completion:
        """The completion of a job.

        Raises:
            UnavailableError: none came in time.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    for records in (await self._consumer.getmany(timeout_ms=_POLL_MS)).values():
                        for record in records:
                            if dict(record.headers).get("ce_subject") == job_id.encode():
                                return Completion.model_validate_json(record.value or b"")
        except ValidationError as error:
            raise UnavailableError(
                f"the completion of {job_id} is of another version: {error.errors()[0]['msg']}"
            ) from None
        except TimeoutError:
            pass
        raise UnavailableError(
            f"no completion of {job_id} within {timeout_s:g} s; is a worker running? See its /readyz and its log"
        )


@asynccontextmanager
async def read_completions(settings: KafkaSettings) -> AsyncIterator[CompletionReader]:
    """Opens a reader at the end of the completions' topic, without a consumer group."""
    topic = prefixed(COMPLETIONS, settings.topic_prefix)
    async with standalone_consumer(settings, "completions consumer") as consumer:
        await consumer.start()
        partitions = await list_partitions(settings, topic)
        consumer.assign(partitions)
        await consumer.seek_to_end()
        # aiokafka looks a position up only when it is requested: request it before the job is sent.
        for partition in partitions:
            await consumer.position(partition)
        yield CompletionReader(consumer)
