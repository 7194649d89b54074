"""The batch lane: sends jobs, and reads their completions without a consumer group."""

import asyncio
from collections.abc import AsyncIterator, Collection, Container, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError
from pydantic import ValidationError

from schemas.completion import Completion
from schemas.enums import Lane
from schemas.errors import UnavailableError
from schemas.headers import header_text
from schemas.job import Job
from schemas.topics import COMPLETIONS, LANES, prefixed
from worker.batch.backlog import Backlog
from worker.batch.backlog_reader import read_backlog
from worker.batch.journal import Positions
from worker.config.sections import KafkaSettings
from worker.kafka.client.consumer import standalone_consumer
from worker.kafka.client.producer import Producer, connect_producer
from worker.kafka.client.submit import submit
from worker.kafka.client.timeout import kafka_timeout
from worker.kafka.client.topics import list_partitions
from worker.kafka.scan.partition_reader import PartitionReader
from worker.lifecycle.clock import Clock
from worker.observability.tracing.tracer import NO_TRACER, Tracer

# A healthy broker answers each fetch within half a second, if need be without records.
_SILENCE_S: Final = 30.0
_POLL_S: Final = 0.2


class BatchLane:
    """Sends jobs and reads completions.

    Args:
        producer: started.
        readers: of the completions, one for each partition.
        clock: measures how long Kafka has not answered.
        tracer: begins each job's trace.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        producer: Producer,
        readers: Sequence[PartitionReader],
        clock: Clock,
        tracer: Tracer,
    ) -> None:
        self._tracer = tracer
        self._settings = settings
        self._producer = producer
        self._readers = readers
        self._clock = clock
        self._answered_ms = 0
        self._answered_at = clock.monotonic()

    @property
    def positions(self) -> dict[int, int]:
        """The next offset of the completions to read, by partition."""
        return {each.partition.partition: each.position for each in self._readers}

    async def send(self, jobs: Sequence[Job]) -> None:
        """Sends jobs, and returns once Kafka has acknowledged all.

        Raises:
            KafkaError: Kafka refuses one; others may have been sent.
        """
        await asyncio.gather(*(submit(self._producer, self._settings, Lane.BATCH, job, self._tracer) for job in jobs))

    async def completions(self, job_ids: Container[str]) -> list[Completion]:
        """The next completions of these jobs; an empty list if none arrive within 0.2 s.

        Raises:
            KafkaError: Kafka hasn't answered for 30 s, or the topic was recreated.
            UnavailableError: a completion has another version of the schema.
        """
        found = await self._read_new(job_ids)
        if not found:
            await asyncio.sleep(_POLL_S)
            found = await self._read_new(job_ids)
        return found

    async def completions_to_end(self, job_ids: Container[str], ends: dict[int, int]) -> list[Completion]:
        """The completions of these jobs before the given offsets.

        Raises:
            KafkaError, UnavailableError: as for `completions`.
        """
        found = await self._read_new(job_ids)
        while any(self.positions[partition] < end for partition, end in ends.items()):
            found += await self.completions(job_ids)
        return found

    async def backlog(self, lane_begin: Mapping[int, int]) -> Backlog:
        """What is before the batch's jobs, and what waits for a retry.

        Args:
            lane_begin: the lane's ends before the batch's first job, by partition.

        Raises:
            KafkaError: Kafka doesn't say it.
        """
        return await read_backlog(self._settings, lane_begin)

    async def _read_new(self, job_ids: Container[str]) -> list[Completion]:
        found = []
        for reader in self._readers:
            async with kafka_timeout():
                records = await reader.take(0)
            # Most completions belong to other jobs: the header shows it without parsing the JSON.
            found += [
                _parse(record) for record in records if header_text(list(record.headers), "ce_subject") in job_ids
            ]
        self._check_answer()
        return found

    def _check_answer(self) -> None:
        answered_ms = max(each.answered_ms or 0 for each in self._readers)
        if answered_ms != self._answered_ms:
            self._answered_ms = answered_ms
            self._answered_at = self._clock.monotonic()
        elif self._clock.monotonic() - self._answered_at > _SILENCE_S:
            raise KafkaTimeoutError(f"{self._readers[0].partition.topic}: no answer for {_SILENCE_S:g} s")


def _parse(record: Any) -> Completion:
    try:
        return Completion.model_validate_json(record.value)
    except ValidationError as error:
        subject = header_text(list(record.headers), "ce_subject")
        raise UnavailableError(
            f"the completion of {subject} has another version of the schema: {error.errors()[0]['msg']}"
        ) from None


@asynccontextmanager
async def open_lane(
    settings: KafkaSettings, completions: dict[int, int], clock: Clock, tracer: Tracer = NO_TRACER
) -> AsyncIterator[BatchLane]:
    """Opens the lane.

    Args:
        completions: the next offsets to read, by partition; other partitions are read from their beginning.
        clock: measures how long Kafka has not answered.
        tracer: begins the trace of each job that is sent.

    Raises:
        TopicError: a topic doesn't exist.
        KafkaError: Kafka can't be reached.
    """
    async with standalone_consumer(settings, "completions consumer") as consumer:
        async with kafka_timeout():
            partitions = await list_partitions(settings, prefixed(COMPLETIONS, settings.topic_prefix))
            await consumer.start()
            begins = await consumer.beginning_offsets(partitions)
            ends = await consumer.end_offsets(partitions)
        consumer.assign(partitions)
        readers = [
            PartitionReader(
                consumer, each, _valid_position(completions.get(each.partition, 0), begins[each], ends[each])
            )
            for each in partitions
        ]
        async with connect_producer(settings) as producer:
            yield BatchLane(settings, producer, readers, clock, tracer)


async def end_positions(settings: KafkaSettings) -> Positions:
    """The present ends of the completions and of the batch lane.

    Raises:
        TopicError: a topic doesn't exist.
        KafkaError: Kafka can't be reached.
    """
    async with standalone_consumer(settings, "offsets consumer") as consumer, kafka_timeout():
        completions = await list_partitions(settings, prefixed(COMPLETIONS, settings.topic_prefix))
        lane = await list_partitions(settings, prefixed(LANES[Lane.BATCH], settings.topic_prefix))
        await consumer.start()
        ends: dict[TopicPartition, int] = await consumer.end_offsets([*completions, *lane])
    return Positions(
        completions={each.partition: ends[each] for each in completions},
        lane={each.partition: ends[each] for each in lane},
    )


async def find_jobs_in_lane(settings: KafkaSettings, since: dict[int, int], wanted: Collection[str]) -> set[str]:
    """Finds which of these jobs are in the lane. A killed command doesn't know it of the last ones that it recorded.

    Args:
        since: offsets before all of these jobs, by partition.
        wanted: ids of jobs.

    Raises:
        TopicError: the topic doesn't exist.
        KafkaError: Kafka can't be reached, or has stopped answering.
    """
    keys = {each.encode() for each in wanted}
    found: set[str] = set()
    async with standalone_consumer(settings, "lane consumer") as consumer:
        async with kafka_timeout():
            partitions = await list_partitions(settings, prefixed(LANES[Lane.BATCH], settings.topic_prefix))
            await consumer.start()
            begins = await consumer.beginning_offsets(partitions)
            ends = await consumer.end_offsets(partitions)
        for partition in partitions:
            consumer.assign([partition])
            begin = _valid_position(since.get(partition.partition, 0), begins[partition], ends[partition])
            reader = PartitionReader(consumer, partition, begin)
            while reader.position < ends[partition]:
                async with kafka_timeout():
                    records = await reader.take(_POLL_S)
                found |= {record.key.decode() for record in records if record.key in keys}
    return found


def _valid_position(position: int, begin: int, end: int) -> int:
    """The position, or the topic's beginning where the records there are deleted or the topic was recreated."""
    return position if begin <= position <= end else begin
