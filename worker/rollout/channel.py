"""Reads `tts.rollout`: its one partition from the first record on, without a consumer group."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, KafkaTimeoutError

from schemas.topics import ROLLOUT, prefixed
from worker.clock import Clock
from worker.kafka.submit import NoCompletion, partitions_of
from worker.kafka.topics import TopicError
from worker.rollout.fold import Entry, Fold
from worker.settings import KafkaSettings
from worker.stopping import stop_in_time

_AT_ONCE: Final = 500
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
        self.fold = Fold()
        self._consumer = consumer
        self._partition = partition
        self._clock = clock
        self._position = 0
        self._at_once = _AT_ONCE
        self._answered_ms: int | None = None
        self.heard_at = clock.monotonic()
        """When the broker last answered, by the monotonic clock."""

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
        while self._position < offset:
            before = self._position
            entries += await self.more()
            if self._position > before:
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
        try:
            taken = await self._consumer.getmany(
                self._partition, timeout_ms=int(wait_s * 1000), max_records=self._at_once
            )
        except UnicodeDecodeError:
            return self._past_undecodable()
        async with answered_in_time():
            # Markers and aborted records move the position, though they are no records.
            position = await self._consumer.position(self._partition)
        self._note_answer()
        if position < self._position:
            # Made anew, or records were lost: it must be read from its first record again.
            raise KafkaError(f"{self._partition.topic} was at {self._position} and is at {position}")
        self._position = position
        return [self.fold.add(record.value) for record in taken.get(self._partition, ())]

    def _past_undecodable(self) -> list[Entry]:
        # A header's name isn't UTF-8, which aiokafka can't decode; what it took together with it is gone. So again one
        # by one, and when that meets it, past it.
        entries: list[Entry] = []
        if self._at_once == 1:
            entries.append(self.fold.skip("a header's name is not UTF-8"))
            self._position += 1
        self._at_once = _AT_ONCE if self._at_once == 1 else 1
        self._consumer.seek(self._partition, self._position)
        return entries

    def _note_answer(self) -> None:
        # An answer without records is one too: it says that the log ends where we are.
        answered_ms = self._consumer.last_poll_timestamp(self._partition)
        if answered_ms != self._answered_ms:
            self._answered_ms = answered_ms
            self.heard_at = self._clock.monotonic()
        elif self._clock.monotonic() - self.heard_at > _SILENCE_S:
            raise KafkaTimeoutError(f"{self._partition.topic}: no answer for {_SILENCE_S:g} s")


@asynccontextmanager
async def answered_in_time() -> AsyncIterator[None]:
    """Ends what waits for Kafka for longer than 10 s.

    Raises:
        KafkaTimeoutError: it did.
    """
    try:
        async with asyncio.timeout(_SILENCE_S):
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
    consumer: Any = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        # Each answer, though without records, says that the state is still the current one.
        fetch_max_wait_ms=int(_POLL_S * 1000),
    )
    try:
        async with answered_in_time():
            partitions = await _partitions(settings, topic)
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
        consumer.seek(partitions[0], 0)
        yield RolloutLog(consumer, partitions[0], clock)
    finally:
        await stop_in_time("rollout consumer", consumer.stop)
        # Where its stop ended in the middle, its connections live on, and its watch over the cluster.
        await stop_in_time("rollout consumer's connections", consumer._client.close)  # noqa: SLF001


async def _partitions(settings: KafkaSettings, topic: str) -> list[TopicPartition]:
    try:
        return await partitions_of(settings, topic)
    except NoCompletion as error:
        raise TopicError(str(error)) from None
