"""Reads whole topics from a beginning to where they end now, without a consumer group."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError

from worker.config.sections import KafkaSettings
from worker.kafka.client.factory import LARGEST_REQUEST, consumer_alone
from worker.kafka.client.submit import partitions_of
from worker.kafka.scan.partition_reader import PartitionReader

_POLL_S: Final = 1.0
_SILENCE_POLLS: Final = 30

Progress = Callable[[int, int], None]
"""Is told how much is done, and of how much."""


class TopicScanner:
    """Topics that are read once.

    Args:
        settings: of the cluster.
        topics: by their names in it.
        progress: is told how many offsets were passed, and of how many.
        since: what was published before isn't read; None for all that is kept.

    Attributes:
        undecodable: how many records were stepped over, since aiokafka can't decode them.
    """

    def __init__(
        self, settings: KafkaSettings, topics: Sequence[str], progress: Progress, since: datetime | None = None
    ) -> None:
        self.undecodable = 0
        self._settings = settings
        self._topics = topics
        self._progress = progress
        self._since = since

    async def batches(self) -> AsyncGenerator[list[Any], None]:
        """All committed records that are there now, some at once, one partition after the other.

        Raises:
            TopicError: there is no such topic.
            KafkaTimeoutError: Kafka has ceased to answer.
        """
        partitions = [each for topic in self._topics for each in await partitions_of(self._settings, topic)]
        passed = 0
        # One partition at a time needs little memory, and one record may be as large.
        opened = consumer_alone(self._settings, "topic reader", max_partition_fetch_bytes=LARGEST_REQUEST)
        async with opened as consumer:
            await consumer.start()
            # Read as committed, so the last stable offset: what an open transaction writes isn't waited for.
            ends = await consumer.end_offsets(partitions)
            begins = await self._begins(consumer, partitions, ends)
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
        self, consumer: Any, partitions: Sequence[TopicPartition], ends: dict[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        if self._since is None:
            begins: dict[TopicPartition, int] = await consumer.beginning_offsets(partitions)
            return begins
        found = await consumer.offsets_for_times(dict.fromkeys(partitions, int(self._since.timestamp() * 1000)))
        return {each: ends[each] if found.get(each) is None else found[each].offset for each in partitions}


async def _records(reader: PartitionReader, end: int) -> AsyncGenerator[list[Any], None]:
    """A partition's records to before `end`, some at once."""
    silent = 0
    while reader.position < end:
        before = reader.position
        records = await reader.take(_POLL_S)
        silent = 0 if reader.position > before else silent + 1
        if silent == _SILENCE_POLLS:
            raise KafkaTimeoutError(f"{reader.partition.topic}: nothing came for {_SILENCE_POLLS} s")
        yield [record for record in records if record.offset < end]
