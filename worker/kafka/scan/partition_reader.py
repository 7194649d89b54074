"""Reads the records of one partition in order, and skips those that aiokafka can't decode."""

from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from worker.kafka.client.consumer_interface import Consumer, ReceivedRecord

_AT_ONCE: Final = 500


class PartitionReader:
    """Reads one partition of a consumer, and keeps the position.

    Args:
        consumer: started, and assigned to the partition.
        position: the first offset to read.

    Attributes:
        position: the next offset to read.
        undecodable: the number of skipped records: aiokafka can't decode a header's name that isn't UTF-8.
    """

    def __init__(self, consumer: Consumer, partition: TopicPartition, position: int) -> None:
        self.partition = partition
        self.position = position
        self.undecodable = 0
        self._consumer = consumer
        self._at_once = _AT_ONCE
        consumer.seek(partition, position)

    async def take(self, wait_s: float) -> list[ReceivedRecord]:
        """The next records, at most 500; none when none arrived in time, or a record was skipped.

        Args:
            wait_s: the longest wait for the first record, in seconds.

        Raises:
            KafkaError: the position has moved back: the topic was recreated, or records were lost.
        """
        try:
            taken = await self._consumer.getmany(
                self.partition, timeout_ms=int(wait_s * 1000), max_records=self._at_once
            )
        except UnicodeDecodeError:
            self._skip_undecodable()
            return []
        # Transaction markers and aborted records move the position without giving records.
        position = await self._consumer.position(self.partition)
        if position < self.position:
            raise KafkaError(f"{self.partition.topic} was at {self.position} and is at {position}")
        self.position = position
        return [*taken.get(self.partition, [])]

    @property
    def answered_ms(self) -> int | None:
        """When the broker last answered, in ms since 1970; an answer without records counts."""
        return self._consumer.last_poll_timestamp(self.partition)

    @property
    def at_end(self) -> bool:
        """Whether all records are read that were committed when the broker last answered."""
        stable = self._consumer.last_stable_offset(self.partition)
        return stable is not None and self.position >= stable >= 0

    def _skip_undecodable(self) -> None:
        # aiokafka has dropped what it fetched together with the undecodable record. So read again one by one, and when
        # the undecodable record is met alone, step past it.
        if self._at_once == 1:
            self.undecodable += 1
            self.position += 1
        self._at_once = _AT_ONCE if self._at_once == 1 else 1
        self._consumer.seek(self.partition, self.position)
