"""The batch lane as a batch uses it: sends jobs, and reads the completions that come, without a consumer group."""

import asyncio
from collections.abc import AsyncIterator, Collection, Container, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError
from pydantic import ValidationError

from schemas.completion import Completion
from schemas.errors import UnavailableError
from schemas.headers import header_text
from schemas.job import Job
from schemas.topics import COMPLETIONS, LANES, prefixed
from schemas.words import Lane
from worker.batch.journal import Positions
from worker.config.sections import KafkaSettings
from worker.kafka.client.consumer import standalone_consumer
from worker.kafka.client.producer import Producer, connect_producer
from worker.kafka.client.submit import submit
from worker.kafka.client.topics import list_partitions
from worker.kafka.scan.partition_reader import PartitionReader
from worker.lifecycle.clock import Clock
from worker.rollout.log.reader import kafka_timeout

# A broker answers each fetch within half a second, with nothing if there is nothing.
_SILENCE_S: Final = 30.0
_POLL_S: Final = 0.2


class BatchLane:
    """Sends jobs and reads completions.

    Args:
        settings: of the cluster.
        producer: started.
        readers: of the completions, one a partition.
        clock: tells how long Kafka has said nothing.
    """

    def __init__(
        self, settings: KafkaSettings, producer: Producer, readers: Sequence[PartitionReader], clock: Clock
    ) -> None:
        self._settings = settings
        self._producer = producer
        self._readers = readers
        self._clock = clock
        self._answered_ms = 0
        self._heard_at = clock.monotonic()

    @property
    def positions(self) -> dict[int, int]:
        """Up to where the completions are read, by partition."""
        return {each.partition.partition: each.position for each in self._readers}

    async def send(self, jobs: Sequence[Job]) -> None:
        """Returns once Kafka has all of them.

        Raises:
            KafkaError: it doesn't take one; others may have been taken.
        """
        await asyncio.gather(*(submit(self._producer, self._settings, Lane.BATCH, job) for job in jobs))

    async def completions(self, mine: Container[str]) -> list[Completion]:
        """The next completions of these jobs; waits a moment where there are none, and then gives none.

        Raises:
            KafkaError: Kafka has answered nothing for 30 s, or the topic isn't what it was.
            UnavailableError: one is of another version.
        """
        found = await self._take(mine)
        if not found:
            await asyncio.sleep(_POLL_S)
            found = await self._take(mine)
        return found

    async def completions_to_end(self, mine: Container[str], ends: dict[int, int]) -> list[Completion]:
        """The completions of these jobs that come before the offsets given.

        Raises:
            KafkaError: as of `completions`.
        """
        found = await self._take(mine)
        while any(self.positions[partition] < end for partition, end in ends.items()):
            found += await self.completions(mine)
        return found

    async def _take(self, mine: Container[str]) -> list[Completion]:
        found = []
        for reader in self._readers:
            async with kafka_timeout():
                records = await reader.take(0)
            # Most are other people's: told by their headers, without a look at their JSON.
            found += [_read(record) for record in records if header_text(list(record.headers), "ce_subject") in mine]
        self._note_answer()
        return found

    def _note_answer(self) -> None:
        answered_ms = max(each.answered_ms or 0 for each in self._readers)
        if answered_ms != self._answered_ms:
            self._answered_ms = answered_ms
            self._heard_at = self._clock.monotonic()
        elif self._clock.monotonic() - self._heard_at > _SILENCE_S:
            raise KafkaTimeoutError(f"{self._readers[0].partition.topic}: no answer for {_SILENCE_S:g} s")


def _read(record: Any) -> Completion:
    try:
        return Completion.model_validate_json(record.value)
    except ValidationError as error:
        subject = header_text(list(record.headers), "ce_subject")
        raise UnavailableError(
            f"the completion of {subject} is of another version: {error.errors()[0]['msg']}"
        ) from None


@asynccontextmanager
async def open_lane(settings: KafkaSettings, completions: dict[int, int], clock: Clock) -> AsyncIterator[BatchLane]:
    """Opens the lane.

    Args:
        settings: of the cluster.
        completions: up to where they are read, by partition; those of other partitions are read from their beginning.
        clock: tells how long Kafka has said nothing.

    Raises:
        TopicError: a topic is missing.
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
            PartitionReader(consumer, each, _within(completions.get(each.partition, 0), begins[each], ends[each]))
            for each in partitions
        ]
        async with connect_producer(settings) as producer:
            yield BatchLane(settings, producer, readers, clock)


async def ends_of(settings: KafkaSettings) -> Positions:
    """Where the completions and the batch lane end now.

    Raises:
        TopicError: a topic is missing.
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


async def in_lane(settings: KafkaSettings, since: dict[int, int], wanted: Collection[str]) -> set[str]:
    """Which of these jobs are in the lane: of its last ones a command that was killed doesn't know.

    Args:
        settings: of the cluster.
        since: offsets by partition that lie before all of them.
        wanted: ids of jobs.

    Raises:
        TopicError: there is no such topic.
        KafkaError: Kafka can't be reached, or has ceased to answer.
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
            begin = _within(since.get(partition.partition, 0), begins[partition], ends[partition])
            reader = PartitionReader(consumer, partition, begin)
            while reader.position < ends[partition]:
                async with kafka_timeout():
                    records = await reader.take(_POLL_S)
                found |= {record.key.decode() for record in records if record.key in keys}
    return found


def _within(position: int, begin: int, end: int) -> int:
    """The position, or the beginning where the topic's is later, or where the topic was made anew since."""
    return position if begin <= position <= end else begin
