"""Scans whole topics from a beginning to their present end, without a consumer group."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError

from worker.config.sections import KafkaSettings
from worker.kafka.client.consumer import standalone_consumer
from worker.kafka.client.consumer_interface import Consumer
from worker.kafka.client.producer import LARGEST_REQUEST
from worker.kafka.client.topics import list_partitions
from worker.kafka.scan.partition_reader import PartitionReader

_POLL_S: Final = 1.0
_MOST_EMPTY_POLLS: Final = 30

ProgressCallback = Callable[[int, int], None]
"""Called with the amount done and the total."""


def no_progress(_done: int, _total: int) -> None:
    """For what nobody watches, such as a page, which has no progress bar."""


class TopicScanner:
    """Reads topics once.

    Args:
        topics: their full names, with the deployment's prefix.
        progress: is called with the offsets read and the total.
        since: records before it aren't read; None for all that Kafka keeps.
        last: only so many offsets at the end of each partition are read; None for all.
        starts: the first offset of each partition, in place of `since` and `last`; others are read whole.

    Attributes:
        begins: the first offset that it reads of each partition of its last topic, once it has begun.
        has_gap: whether a record from `starts` on isn't there any more.
        undecodable: the number of records that aiokafka can't decode and the scan has skipped.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Sequence[str],
        progress: ProgressCallback,
        since: datetime | None = None,
        *,
        last: int | None = None,
        starts: Mapping[int, int] | None = None,
    ) -> None:
        self.undecodable = 0
        self.begins: dict[int, int] = {}
        self.has_gap = False
        self._settings = settings
        self._topics = topics
        self._progress = progress
        self._since = since
        self._last = last
        self._starts = starts

    async def scan(self, handle: Callable[[Any], None]) -> None:
        """Calls `handle` with each record that is committed when the scan starts, one partition after the other.

        Raises:
            TopicError: a topic doesn't exist.
            KafkaTimeoutError: Kafka has stopped answering.
        """
        async with aclosing(self.batches()) as batches:
            async for batch in batches:
                for record in batch:
                    handle(record)

    async def batches(self) -> AsyncGenerator[list[Any], None]:
        """The same records in batches.

        Raises:
            TopicError: a topic doesn't exist.
            KafkaTimeoutError: Kafka has stopped answering.
        """
        partitions = [each for topic in self._topics for each in await list_partitions(self._settings, topic)]
        passed = 0
        # One partition at a time needs little memory, although a fetch may be as large as the largest record.
        opened = standalone_consumer(self._settings, "topic scanner", max_partition_fetch_bytes=LARGEST_REQUEST)
        async with opened as consumer:
            await consumer.start()
            # With read_committed this is the last stable offset: the scan doesn't wait for open transactions.
            ends = await consumer.end_offsets(partitions)
            begins = await self._begins(consumer, partitions, ends)
            self.begins = {each.partition: begin for each, begin in begins.items()}
            total = sum(max(0, ends[each] - begins[each]) for each in partitions)
            self._progress(0, total)
            for partition in partitions:
                consumer.assign([partition])
                begin, end = begins[partition], ends[partition]
                reader = PartitionReader(consumer, partition, begin)
                async with aclosing(_records(reader, end)) as batches:
                    async for batch in batches:
                        yield batch
                        self._progress(passed + min(reader.position, end) - min(begin, end), total)
                passed += max(0, end - begin)
                self.undecodable += reader.undecodable

    async def _begins(
        self, consumer: Consumer, partitions: Sequence[TopicPartition], ends: dict[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        if self._starts is not None:
            begins = await consumer.beginning_offsets(partitions)
            wanted = {each: self._starts.get(each.partition, begins[each]) for each in partitions}
            # A topic that was made again has fewer offsets than a position of the one before.
            lost = {each for each, start in wanted.items() if not begins[each] <= start <= ends[each]}
            self.has_gap = bool(lost)
            return {each: begins[each] if each in lost else start for each, start in wanted.items()}
        if self._since is None:
            begins = await consumer.beginning_offsets(partitions)
            return {each: max(begin, ends[each] - (self._last or ends[each])) for each, begin in begins.items()}
        found = await consumer.offsets_for_times(dict.fromkeys(partitions, int(self._since.timestamp() * 1000)))
        starts = {each: found.get(each) for each in partitions}
        return {each: ends[each] if start is None else start.offset for each, start in starts.items()}


async def _records(reader: PartitionReader, end: int) -> AsyncGenerator[list[Any], None]:
    """The records of a partition before `end`, in batches."""
    empty_polls = 0
    while reader.position < end:
        before = reader.position
        records = await reader.take(_POLL_S)
        empty_polls = 0 if reader.position > before else empty_polls + 1
        if empty_polls == _MOST_EMPTY_POLLS:
            raise KafkaTimeoutError(f"{reader.partition.topic}: no records for {_MOST_EMPTY_POLLS * _POLL_S:g} s")
        yield [record for record in records if record.offset < end]
