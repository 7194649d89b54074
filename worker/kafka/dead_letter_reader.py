"""Reads the dead letters' topic from its beginning to where it ends now, without a consumer group."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaTimeoutError

from schemas.topics import DEAD_LETTERS, prefixed
from worker.kafka.clients import LARGEST_REQUEST
from worker.kafka.dead_letters import Letter, Letters
from worker.kafka.letter_filter import LetterFilter
from worker.kafka.submit import partitions_of
from worker.settings import KafkaSettings

_AT_ONCE: Final = 500
_POLL_MS: Final = 1000
_SILENCE_POLLS: Final = 30

Progress = Callable[[int, int], None]
"""Is told how much is done, and of how much."""


@dataclass(frozen=True)
class Reading:
    """The letters that a filter matches, oldest first, and how many offsets held records that nobody can read."""

    letters: list[Letter]
    unreadable: int


async def read_letters(settings: KafkaSettings, wanted: LetterFilter, *, values: bool, progress: Progress) -> Reading:
    """Reads all committed letters and markers that are there now.

    Args:
        settings: of the cluster.
        wanted: which letters.
        values: whether the letters keep their values; without, 100,000 take some 100 MB.
        progress: is told how many offsets were passed, and of how many.

    Raises:
        NoCompletion: there is no such topic.
        KafkaTimeoutError: Kafka has ceased to answer.
    """
    topic = prefixed(DEAD_LETTERS, settings.topic_prefix)
    partitions = await partitions_of(settings, topic)
    letters = Letters(settings.topic_prefix, wanted.may_match, values=values)
    # One partition at a time needs little memory, and one letter may be as large.
    consumer: Any = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=LARGEST_REQUEST,
    )
    passed = unreadable = 0
    try:
        await consumer.start()
        begins = await consumer.beginning_offsets(partitions)
        # Read as committed, so the last stable offset: what an open transaction writes isn't waited for.
        ends = await consumer.end_offsets(partitions)
        total = sum(max(0, ends[each] - begins[each]) for each in partitions)
        progress(0, total)
        for partition in partitions:
            reader = _Partition(consumer, partition, begins[partition], ends[partition])
            async with aclosing(reader.records()) as batches:
                async for batch in batches:
                    for record in batch:
                        letters.add(record)
                    progress(passed + reader.passed, total)
            passed += reader.passed
            unreadable += reader.unreadable
    finally:
        await consumer.stop()
    return Reading([letter for letter in letters.folded() if wanted.matches(letter)], unreadable)


class _Partition:
    """One partition's records from `begin` to before `end`; `passed` counts its offsets, those without records too."""

    def __init__(self, consumer: Any, partition: TopicPartition, begin: int, end: int) -> None:
        self._consumer = consumer
        self._partition = partition
        self._begin = self._position = begin
        self._end = end
        self.unreadable = 0

    @property
    def passed(self) -> int:
        """How many offsets are read."""
        return min(self._position, self._end) - min(self._begin, self._end)

    async def records(self) -> AsyncGenerator[list[Any], None]:
        """The records in their order, some at once."""
        self._consumer.assign([self._partition])
        self._consumer.seek(self._partition, self._begin)
        at_once = _AT_ONCE
        silent = 0
        while self._position < self._end:
            try:
                taken = await self._consumer.getmany(self._partition, timeout_ms=_POLL_MS, max_records=at_once)
            except UnicodeDecodeError:
                # A header's name isn't UTF-8, which aiokafka can't decode; what it took together with it is gone.
                # So again one by one, and when that meets it, past it.
                if at_once == 1:
                    self.unreadable += 1
                    self._position += 1
                at_once = _AT_ONCE if at_once == 1 else 1
                self._consumer.seek(self._partition, self._position)
                continue
            # Markers and aborted records move the position, though they are no records.
            position = await self._consumer.position(self._partition)
            silent = 0 if position > self._position else silent + 1
            if silent == _SILENCE_POLLS:
                raise KafkaTimeoutError(f"{self._partition.topic}: nothing came for {_SILENCE_POLLS} s")
            self._position = position
            yield [record for record in taken.get(self._partition, ()) if record.offset < self._end]
