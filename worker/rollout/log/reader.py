"""Reads the rollout's log: the single partition of `tts.rollout` from its first record, without a consumer group."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError

from schemas.topics import ROLLOUT, prefixed
from worker.config.sections import KafkaSettings
from worker.kafka.client.consumer import standalone_consumer
from worker.kafka.client.consumer_interface import Consumer
from worker.kafka.client.timeout import SILENCE_S, kafka_timeout
from worker.kafka.client.topics import TopicError, list_partitions
from worker.kafka.scan.partition_reader import PartitionReader
from worker.lifecycle.clock import Clock
from worker.rollout.log.revisions import Entry, RevisionLog

_POLL_S: Final = 0.5


class RolloutLog:
    """The rollout's log, as far as it is read.

    Args:
        consumer: started, with the partition assigned, at the log's beginning.

    Attributes:
        revisions: the records read so far.
        answered_at: when the broker last answered, by the monotonic clock: until then `revisions` was up to date.
    """

    def __init__(self, consumer: Consumer, partition: TopicPartition, clock: Clock) -> None:
        self.revisions = RevisionLog()
        self._consumer = consumer
        self._partition = partition
        self._clock = clock
        self._reader = PartitionReader(consumer, partition, 0)
        self._last_answer_ms: int | None = None
        self.answered_at = clock.monotonic()

    @property
    def position(self) -> int:
        """The offset of the next record to read."""
        return self._reader.position

    async def read_to_end(self) -> list[Entry]:
        """Reads to the current end of the log.

        Raises:
            KafkaError: Kafka doesn't answer.
        """
        async with kafka_timeout():
            ends = await self._consumer.end_offsets([self._partition])
        return await self.read_until(ends[self._partition])

    async def read_until(self, offset: int) -> list[Entry]:
        """Reads all records below an offset that exists.

        Raises:
            KafkaError: Kafka doesn't answer.
        """
        entries = []
        moved_at = self._clock.monotonic()
        while self.position < offset:
            before = self.position
            entries += await self.poll()
            if self.position > before:
                moved_at = self._clock.monotonic()
            elif self._clock.monotonic() - moved_at > SILENCE_S:
                # The broker answers without records: somebody else's open transaction is in front of the offset.
                raise KafkaTimeoutError(f"{self._partition.topic}: offset {before} was not read in {SILENCE_S:g} s")
        return entries

    async def poll(self, wait_s: float = _POLL_S) -> list[Entry]:
        """Returns the next records as soon as there are any; an empty list after `wait_s` seconds without.

        Raises:
            KafkaError: the log ends before our position, or Kafka hasn't answered for 10 s: open the log again.
        """
        undecodable = self._reader.undecodable
        # The consumer may have to look up its position first.
        async with kafka_timeout(wait_s):
            records = await self._reader.take(wait_s)
        self._note_answer()
        if self._reader.undecodable > undecodable:
            return [self.revisions.skip("a header's name is not UTF-8")]
        return [self.revisions.add(record.value) for record in records]

    def _note_answer(self) -> None:
        # An answer without records counts too: it means that the log ends at our position.
        answered_ms = self._reader.answered_ms
        if answered_ms != self._last_answer_ms:
            self._last_answer_ms = answered_ms
            self.answered_at = self._clock.monotonic()
        elif self._clock.monotonic() - self.answered_at > SILENCE_S:
            raise KafkaTimeoutError(f"{self._partition.topic}: no answer for {SILENCE_S:g} s")


@asynccontextmanager
async def open_log(settings: KafkaSettings, clock: Clock) -> AsyncIterator[RolloutLog]:
    """Opens the log at its beginning, without reading it yet.

    Raises:
        TopicError: the topic is missing, has several partitions, or has lost its first records.
        KafkaError: Kafka can't be reached.
    """
    topic = prefixed(ROLLOUT, settings.topic_prefix)
    # The broker answers each fetch within this time, with or without records. Each answer confirms the current state.
    async with standalone_consumer(settings, "rollout consumer", fetch_max_wait_ms=int(_POLL_S * 1000)) as consumer:
        async with kafka_timeout():
            partitions = await list_partitions(settings, topic)
            if len(partitions) != 1:
                raise TopicError(
                    f"{topic} has {len(partitions)} partitions; a rollout needs exactly one, to order its records"
                )
            await consumer.start()
            begins = await consumer.beginning_offsets(partitions)
        if begins[partitions[0]] > 0:
            raise TopicError(
                f"{topic} begins at offset {begins[partitions[0]]}: its first revisions were deleted, and without them "
                "the others can't be verified; delete the topic, create it again and set the rollout again"
            )
        consumer.assign(partitions)
        yield RolloutLog(consumer, partitions[0], clock)
