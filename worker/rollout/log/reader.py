"""Reads `tts.rollout`: its one partition from the first record on, without a consumer group."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError

from schemas.topics import ROLLOUT, prefixed
from worker.config.sections import KafkaSettings
from worker.kafka.client.factory import consumer_alone
from worker.kafka.client.submit import partitions_of
from worker.kafka.client.topics import TopicError
from worker.kafka.scan.partition_reader import PartitionReader
from worker.lifecycle.clock import Clock
from worker.rollout.log.revisions import Entry, RevisionLog

_POLL_S: Final = 0.5
# aiokafka waits in silence for a broker that is gone. A consumer that heard nothing for so long is replaced: what it
# knows of the cluster may be old.
_SILENCE_S: Final = 10.0


class RolloutLog:
    """The topic's log, as far as it is read.

    Args:
        consumer: started, assigned, at the log's beginning.
        partition: the topic's only one.
        clock: tells how old what is known is.
    """

    def __init__(self, consumer: Any, partition: TopicPartition, clock: Clock) -> None:
        self.fold = RevisionLog()
        self._consumer = consumer
        self._partition = partition
        self._clock = clock
        self._reader = PartitionReader(consumer, partition, 0)
        self._answered_ms: int | None = None
        self.heard_at = clock.monotonic()
        """When the broker last answered, by the monotonic clock."""

    @property
    def position(self) -> int:
        """The offset up to which it is read."""
        return self._reader.position

    async def read_to_end(self) -> list[Entry]:
        """Reads to where the log ends now.

        Raises:
            KafkaError: Kafka doesn't answer.
        """
        async with answered_in_time():
            ends = await self._consumer.end_offsets([self._partition])
        return await self.read_until(ends[self._partition])

    async def read_until(self, offset: int) -> list[Entry]:
        """Reads to before an offset that is there.

        Raises:
            KafkaError: Kafka doesn't answer.
        """
        entries = []
        moved_at = self._clock.monotonic()
        while self.position < offset:
            before = self.position
            entries += await self.more()
            if self.position > before:
                moved_at = self._clock.monotonic()
            elif self._clock.monotonic() - moved_at > _SILENCE_S:
                # The broker answers and gives nothing: a transaction that isn't ours stands open in front.
                raise KafkaTimeoutError(f"{self._partition.topic}: offset {before} didn't come in {_SILENCE_S:g} s")
        return entries

    async def more(self, wait_s: float = _POLL_S) -> list[Entry]:
        """What comes next, as soon as it comes; nothing after `wait_s` without.

        Raises:
            KafkaError: the log doesn't go on where it was, or Kafka has answered nothing for 10 s: open it anew.
        """
        undecodable = self._reader.undecodable
        # Its position may have to be found out first.
        async with answered_in_time(wait_s):
            records = await self._reader.take(wait_s)
        self._note_answer()
        if self._reader.undecodable > undecodable:
            return [self.fold.skip("a header's name is not UTF-8")]
        return [self.fold.add(record.value) for record in records]

    def _note_answer(self) -> None:
        # Without records too: it says that the log ends where we are.
        answered_ms = self._reader.answered_ms
        if answered_ms != self._answered_ms:
            self._answered_ms = answered_ms
            self.heard_at = self._clock.monotonic()
        elif self._clock.monotonic() - self.heard_at > _SILENCE_S:
            raise KafkaTimeoutError(f"{self._partition.topic}: no answer for {_SILENCE_S:g} s")


@asynccontextmanager
async def answered_in_time(wait_s: float = 0.0) -> AsyncIterator[None]:
    """Ends what waits for Kafka for longer than 10 s, and longer than it was asked to.

    Raises:
        KafkaTimeoutError: it did.
    """
    try:
        async with asyncio.timeout(_SILENCE_S + wait_s):
            yield
    except TimeoutError:
        raise KafkaTimeoutError(f"no answer within {_SILENCE_S:g} s") from None


@asynccontextmanager
async def open_log(settings: KafkaSettings, clock: Clock) -> AsyncIterator[RolloutLog]:
    """Opens the log at its beginning; nothing is read yet.

    Raises:
        TopicError: there is no such topic, or it can't hold a rollout: several partitions, its beginning is gone.
        KafkaError: Kafka can't be reached.
    """
    topic = prefixed(ROLLOUT, settings.topic_prefix)
    # Each answer, though without records, says that the state is still the current one.
    async with consumer_alone(settings, "rollout consumer", fetch_max_wait_ms=int(_POLL_S * 1000)) as consumer:
        async with answered_in_time():
            partitions = await partitions_of(settings, topic)
            if len(partitions) != 1:
                raise TopicError(
                    f"{topic} has {len(partitions)} partitions; a rollout needs one, which gives the order"
                )
            await consumer.start()
            begins = await consumer.beginning_offsets(partitions)
        if begins[partitions[0]] > 0:
            raise TopicError(
                f"{topic} begins at offset {begins[partitions[0]]}: its first revisions were deleted, and without them "
                "nobody knows which ones count; delete the topic, make it anew and set the rollout again"
            )
        consumer.assign(partitions)
        yield RolloutLog(consumer, partitions[0], clock)
