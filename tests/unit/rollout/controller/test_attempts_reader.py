"""Attempts read from many partitions: how far all of them are read, and which records are skipped."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, KafkaTimeoutError

from schemas.enums import Lane
from schemas.headers import RETRY_ATTEMPTS
from worker.kafka.scan.partition_reader import PartitionReader
from worker.lifecycle.clock import Clock
from worker.rollout.analysis.observations import Observation
from worker.rollout.controller.attempts_reader import AttemptsReader, Source, attempt_handler

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BEGAN = NOW - timedelta(hours=1)
COMPLETIONS = TopicPartition("tts.completions", 0)
RETRIES = TopicPartition("tts.retry.batch.10s", 0)
UNDECODABLE = None


@dataclass
class Record:
    value: bytes
    published_at: datetime | None
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def timestamp(self) -> int:
        return -1 if self.published_at is None else int(self.published_at.timestamp() * 1000)


def retry(number: int, published_at: datetime | None = NOW) -> Record:
    document = (
        f'[{{"id":"{number}","voice_model":"wavenet","result":"success","seconds":1,"billed_characters":1,'
        f'"ended_at":"2026-03-02T11:59:59Z"}}]'
    )
    return Record(b'{"character":"ghoul","text":"Hi"}', published_at, ((RETRY_ATTEMPTS, document.encode()),))


@dataclass
class Kafka:
    """Stands for a consumer of two partitions; `buffered` is how far its fetches have come."""

    logs: dict[TopicPartition, list[Record | None]] = field(
        default_factory=lambda: {partition: [] for partition in (COMPLETIONS, RETRIES)}
    )
    at: dict[TopicPartition, int] = field(default_factory=dict)
    buffered: dict[TopicPartition, int] = field(default_factory=dict)
    answered: dict[TopicPartition, datetime] = field(default_factory=dict)
    partitions: int = 1
    seconds: float = 0.0

    def answer(self, *partitions: TopicPartition) -> None:
        for partition in partitions:
            self.answered[partition] = self.now()

    def now(self) -> datetime:
        return NOW + self.seconds * SECOND

    def partitions_for_topic(self, _: str) -> set[int]:
        return set(range(self.partitions))

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.at[partition] = offset

    async def position(self, partition: TopicPartition) -> int:
        return self.at[partition]

    def last_stable_offset(self, partition: TopicPartition) -> int | None:
        return len(self.logs[partition]) if partition in self.answered else None

    def last_poll_timestamp(self, partition: TopicPartition) -> int | None:
        answered = self.answered.get(partition)
        return None if answered is None else int(answered.timestamp() * 1000)

    async def getmany(self, partition: TopicPartition, *, timeout_ms: int, max_records: int) -> Any:
        assert timeout_ms == 0
        at = self.at[partition]
        taken = self.logs[partition][at : min(at + max_records, self.buffered.get(partition, 10**9))]
        if UNDECODABLE in taken:
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
        self.at[partition] += len(taken)
        return {partition: taken} if taken else {}


class World:
    def __init__(self, *retries: Record | None) -> None:
        self.kafka = Kafka()
        self.kafka.logs[RETRIES] += retries
        self.observed: list[str] = []
        clock = Clock(monotonic=lambda: self.kafka.seconds, now=self.kafka.now)
        sources = [
            Source(
                PartitionReader(self.kafka, partition, 0),
                attempt_handler(self._observe, lane),
                len(self.kafka.logs[partition]),
                BEGAN,
                0.0,
            )
            for partition, lane in ((COMPLETIONS, None), (RETRIES, Lane.BATCH))
        ]
        self.reader = AttemptsReader(self.kafka, sources, clock)

    def _observe(self, observation: Observation, _: datetime) -> None:
        self.observed.append(observation.id)

    async def read(self, times: int = 1) -> None:
        for _ in range(times):
            self.kafka.answer(COMPLETIONS, RETRIES)
            await self.reader.poll(0)


async def test_all_that_was_there_is_read_and_then_what_comes() -> None:
    world = World(retry(1), retry(2))
    assert not world.reader.caught_up
    await world.read()
    assert (world.observed, world.reader.caught_up) == (["1", "2"], True)
    world.kafka.logs[RETRIES].append(retry(3))
    await world.read()
    assert world.observed == ["1", "2", "3"]


async def test_an_undecodable_record_is_skipped_alone() -> None:
    world = World(retry(1), retry(2), UNDECODABLE, UNDECODABLE, retry(3))
    await world.read(12)
    assert (world.observed, world.reader.unreadable) == (["1", "2", "3"], 2)


async def test_an_unreadable_record_or_one_without_a_time_is_skipped() -> None:
    world = World(Record(b"rubbish", NOW), retry(1, None), retry(2))
    await world.read()
    assert world.reader.unreadable >= 1
    assert world.observed[-1] == "2"
    assert world.reader.caught_up


async def test_it_is_read_as_far_as_the_slowest_partition() -> None:
    world = World(retry(1, NOW - 600 * SECOND), retry(2, NOW - 300 * SECOND), retry(3, NOW))
    assert world.reader.read_to == BEGAN
    world.kafka.buffered[RETRIES] = 2
    await world.read()
    assert world.reader.read_to == NOW - 300 * SECOND
    world.kafka.buffered[RETRIES] = 3
    await world.read()
    assert world.reader.read_to == NOW


async def test_an_idle_partition_is_read_to_its_brokers_last_answer_and_a_silent_one_no_further() -> None:
    world = World()
    await world.read()
    world.kafka.seconds = 20
    world.kafka.answer(RETRIES)
    await world.reader.poll(0)
    assert world.reader.read_to == NOW
    world.kafka.seconds = 21
    await world.read()
    assert world.reader.read_to == NOW + 21 * SECOND


async def test_before_a_broker_has_answered_nothing_is_known_to_be_read() -> None:
    world = World()
    await world.reader.poll(0)
    assert world.reader.read_to == BEGAN


async def test_a_partition_whose_broker_is_silent_ends_the_reading_though_others_answer() -> None:
    world = World()
    await world.read()
    world.kafka.seconds = 31
    world.kafka.answer(RETRIES)
    with pytest.raises(KafkaTimeoutError, match=r"tts.completions: no answer for 30 s"):
        await world.reader.poll(0)


async def test_a_record_from_the_future_does_not_move_on_how_far_it_is_read() -> None:
    world = World(retry(1, NOW + 3600 * SECOND), retry(2, NOW))
    world.kafka.buffered[RETRIES] = 1
    await world.read()
    assert world.reader.read_to <= NOW


async def test_new_partitions_are_noticed_and_so_is_a_topic_that_was_made_anew() -> None:
    world = World(retry(1))
    await world.read()
    world.kafka.partitions = 2
    with pytest.raises(KafkaError, match="had 1 partitions and has 2"):
        await world.read()
    world.kafka.partitions = 1
    world.kafka.at[RETRIES] = 0
    world.kafka.logs[RETRIES].clear()
    with pytest.raises(KafkaError, match="was at 1 and is at 0"):
        await world.read()
