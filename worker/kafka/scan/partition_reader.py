"""Reads one partition's records in their order, and steps over those that can't be decoded."""

from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

_AT_ONCE: Final = 500


class PartitionReader:
    """One partition of an assigned consumer, as far as it is read.

    Args:
        consumer: started, and assigned to it.
        partition: which.
        position: the offset that comes first.

    Attributes:
        position: the offset that comes next.
        undecodable: the records that were stepped over: a header's name isn't UTF-8, which aiokafka can't decode.
    """

    def __init__(self, consumer: Any, partition: TopicPartition, position: int) -> None:
        self.partition = partition
        self.position = position
        self.undecodable = 0
        self._consumer = consumer
        self._at_once = _AT_ONCE
        consumer.seek(partition, position)

    async def take(self, wait_s: float) -> list[Any]:
        """The records that come next, at most 500; none when none came, or one was stepped over.

        Args:
            wait_s: for how long it waits for the first, in seconds.

        Raises:
            KafkaError: the partition doesn't go on where it was: it was made anew, or records were lost.
        """
        try:
            taken = await self._consumer.getmany(
                self.partition, timeout_ms=int(wait_s * 1000), max_records=self._at_once
            )
        except UnicodeDecodeError:
            self._step()
            return []
        # Markers and aborted records move the position, though they are no records.
        position = await self._consumer.position(self.partition)
        if position < self.position:
            raise KafkaError(f"{self.partition.topic} was at {self.position} and is at {position}")
        self.position = position
        records: list[Any] = taken.get(self.partition, [])
        return records

    @property
    def answered_ms(self) -> int | None:
        """When the broker last answered, in ms since 1970; an answer without records is one too."""
        answered_ms: int | None = self._consumer.last_poll_timestamp(self.partition)
        return answered_ms

    @property
    def at_end(self) -> bool:
        """Whether all is read that was committed when the broker last answered."""
        stable = self._consumer.last_stable_offset(self.partition)
        return stable is not None and self.position >= stable >= 0

    def _step(self) -> None:
        # What aiokafka took together with it is gone. So again one by one, and when that meets it, past it.
        if self._at_once == 1:
            self.undecodable += 1
            self.position += 1
        self._at_once = _AT_ONCE if self._at_once == 1 else 1
        self._consumer.seek(self.partition, self.position)
