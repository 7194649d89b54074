"""Follows whole topics from a time on and then live, without a consumer group; goes on where it was after an outage."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Final

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException, KafkaError, KafkaTimeoutError, UnsupportedCodecError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from worker.config.sections import KafkaSettings
from worker.kafka.client.consumer import standalone_consumer
from worker.kafka.client.consumer_interface import Consumer, ReceivedRecord
from worker.kafka.client.timeout import kafka_timeout
from worker.kafka.client.topics import TopicError, list_partitions
from worker.kafka.scan.partition_reader import PartitionReader
from worker.lifecycle.clock import Clock

_POLL_S: Final = 0.5
# A broker answers each fetch within half a second, with or without records. One that hasn't answered for so long is
# gone; aiokafka doesn't report it.
_SILENCE_S: Final = 30.0
_LONGEST_PAUSE_S: Final = 2.0
_UNREADABLE: Final = (UnicodeDecodeError, CorruptRecordException, UnsupportedCodecError)
_log = structlog.get_logger(__name__)

Observe = Callable[[ReceivedRecord], None]
"""Called with each record, in the order of its partition."""


class TopicFollower:
    """Reads topics, and keeps the positions.

    Args:
        name: for the log.
        topics: their full names, with the deployment's prefix.
        observe: called with each record; it must not raise.
        since: records before it aren't read.

    Attributes:
        caught_up: set once all records have been read that were there when it began.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        name: str,
        topics: Sequence[str],
        observe: Observe,
        *,
        since: datetime,
        clock: Clock,
    ) -> None:
        self.caught_up = asyncio.Event()
        self._settings = settings
        self.name = name
        self._topics = topics
        self._since = since
        self._observe = observe
        self._clock = clock
        self._positions: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}
        self._outage_logged = False
        self._answered_at = clock.monotonic()

    @property
    def positions(self) -> dict[int, int]:
        """The next offset of each partition, of one topic; records that were read just now may be above it."""
        return {each.partition: position for each, position in self._positions.items()}

    def age_s(self) -> float:
        """Seconds since Kafka last said that there is nothing more, or gave more."""
        return max(0.0, self._clock.monotonic() - self._answered_at)

    async def start(self) -> None:
        """Reads the records that are there, to their end; `run` goes on from it.

        Raises:
            TopicError: a topic is missing, or this login may not see it.
            KafkaError: Kafka refuses or doesn't answer.
        """
        await self._follow(to_end=True)

    async def run(self) -> None:
        """Follows the topics until it is cancelled; retries all errors of Kafka, and topics that are missing."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((KafkaError, OSError, TopicError)),
            wait=wait_random_exponential(multiplier=0.25, max=_LONGEST_PAUSE_S),
            before_sleep=self._log_outage,
        )
        await retrying(self._follow)

    async def _follow(self, *, to_end: bool = False) -> None:
        async with AsyncExitStack() as stack:
            consumer = await stack.enter_async_context(standalone_consumer(self._settings, f"{self.name} consumer"))
            async with kafka_timeout():
                await self._open(consumer)
            answered_ms, self._answered_at = 0, self._clock.monotonic()
            while not (to_end and self.caught_up.is_set()):
                await self._poll(consumer)
                self._note_end()
                if self._outage_logged:
                    self._outage_logged = False
                    _log.info("topics_reachable", reader=self.name)
                self._check_partitions(consumer)
                polled_ms = max(consumer.last_poll_timestamp(each) or 0 for each in self._positions)
                if polled_ms != answered_ms:
                    answered_ms, self._answered_at = polled_ms, self._clock.monotonic()
                elif self.age_s() > _SILENCE_S:
                    raise KafkaTimeoutError(f"{', '.join(self._topics)}: no answer for {_SILENCE_S:g} s")

    async def _open(self, consumer: Consumer) -> None:
        partitions = [each for topic in self._topics for each in await list_partitions(self._settings, topic)]
        await consumer.start()
        consumer.assign(partitions)
        # Ends before offsets: a record that is published in between is read all the same.
        ends = await consumer.end_offsets(partitions)
        begins = await consumer.beginning_offsets(partitions)
        if not self._ends:
            self._ends = ends
        for each, position in (await self._first(consumer, partitions, ends)).items():
            known = self._positions.get(each)
            # A topic that was created again, or whose records are deleted, has no such position any more.
            valid = known is not None and begins[each] <= known <= ends[each]
            self._positions[each] = known if valid and known is not None else position
            consumer.seek(each, self._positions[each])
        self._note_end()

    async def _first(
        self, consumer: Consumer, partitions: Sequence[TopicPartition], ends: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        found = await consumer.offsets_for_times(dict.fromkeys(partitions, int(self._since.timestamp() * 1000)))
        starts = {each: found.get(each) for each in partitions}
        return {each: ends[each] if start is None else start.offset for each, start in starts.items()}

    async def _poll(self, consumer: Consumer) -> None:
        try:
            taken = await consumer.getmany(timeout_ms=int(_POLL_S * 1000))
        except _UNREADABLE:
            await self._poll_one_by_one(consumer)
            return
        for partition, records in taken.items():
            for record in records:
                self._observe(record)
            # Transaction markers and aborted records move the position without giving records.
            self._positions[partition] = await consumer.position(partition)
            # aiokafka doesn't yield while it has buffered records, and there may be millions.
            await asyncio.sleep(0)
        for partition in self._positions.keys() - taken.keys():
            self._positions[partition] = await consumer.position(partition)

    async def _poll_one_by_one(self, consumer: Consumer) -> None:
        """Reads each partition by itself: the error discarded other partitions' records, too."""
        for partition, position in self._positions.items():
            reader = PartitionReader(consumer, partition, position)
            while not reader.at_end:
                try:
                    records = await reader.take(_POLL_S)
                except (CorruptRecordException, UnsupportedCodecError) as error:
                    await self._skip_batch(consumer, partition, error)
                    break
                for record in records:
                    self._observe(record)
                self._positions[partition] = reader.position

    async def _skip_batch(self, consumer: Consumer, partition: TopicPartition, error: Exception) -> None:
        """Goes on at the partition's end: where an unreadable batch ends can't be known."""
        end = (await consumer.end_offsets([partition]))[partition]
        _log.error(
            "batch_unreadable",
            topic=partition.topic,
            partition=partition.partition,
            error=f"{type(error).__name__}: {error}",
            detail=f"records {self._positions[partition]} to {end - 1} are passed over",
        )
        self._positions[partition] = end
        consumer.seek(partition, end)

    def _note_end(self) -> None:
        if not self.caught_up.is_set() and all(self._positions[each] >= end for each, end in self._ends.items()):
            self.caught_up.set()

    def _check_partitions(self, consumer: Consumer) -> None:
        for topic in self._topics:
            found = consumer.partitions_for_topic(topic)
            read = {each.partition for each in self._positions if each.topic == topic}
            if found is not None and not found <= read:
                raise KafkaError(f"{topic} had {len(read)} partitions and has {len(found)}")

    def _log_outage(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if not self._outage_logged:
            self._outage_logged = True
            _log.warning("topics_unreachable", reader=self.name, error=f"{type(error).__name__}: {error}")
