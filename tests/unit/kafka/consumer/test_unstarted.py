"""The age of the oldest job that waits in Kafka for a slot is that of a record, exact also after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from schemas.enums import Lane
from tests.unit.standins import BATCH, BATCH_1, DIALOGUE, RETRY, Consumer, Member, Time
from tests.until import loop_until
from worker.kafka.consumer import unstarted
from worker.kafka.consumer.lag import LagMonitor
from worker.kafka.consumer.unstarted import UnstartedJobs

AGE = "tts_oldest_unstarted_job_age_seconds"


class Reader(Consumer):
    """A consumer without a group on the logs of another; Kafka answers it unless `down`."""

    down = False

    async def start(self) -> None:
        pass

    async def getmany(self, *partitions: TopicPartition, **options: Any) -> Any:
        if self.down:
            raise KafkaConnectionError
        return await super().getmany(*partitions, **options)

    def assign(self, partitions: Any) -> None:  # type: ignore[override]
        super().assign(*partitions)


class Waiting:
    """A worker of two lanes, and how often it looked into Kafka."""

    def __init__(self) -> None:
        self.time = Time()
        self.member = Member()
        self.down = False
        self.opened = self.closed = 0
        self.reader: Reader | None = None
        consumer: Any = self.member.consumer
        lag = LagMonitor(consumer, self.member.partitions, self.member.metrics, self.time.clock)
        open_reader: Any = self.open_reader
        self.jobs = UnstartedJobs(
            lag.unstarted, self.member.partitions, open_reader, self.member.metrics, self.time.clock
        )

    @asynccontextmanager
    async def open_reader(self) -> AsyncIterator[Reader]:
        self.opened += 1
        if self.down:
            raise KafkaConnectionError
        self.reader = Reader(logs=self.member.consumer.logs)
        try:
            yield self.reader
        finally:
            self.closed += 1

    def write(self, partition: TopicPartition, offset: int, age_s: float, **changes: Any) -> None:
        self.member.consumer.write(partition, offset, timestamp=int(self.time.ms - age_s * 1000), **changes)

    def take(self, partition: TopicPartition, offset: int) -> None:
        self.member.partitions.received(partition, offset, 0)

    async def ages(self) -> tuple[float | None, float | None]:
        await self.jobs.look_up()
        return self.member.gauge(AGE, Lane.DIALOGUE), self.member.gauge(AGE, Lane.BATCH)


@pytest.fixture
async def waiting() -> Waiting:
    made = Waiting()
    await made.member.assign(DIALOGUE, BATCH, BATCH_1, RETRY)
    return made


async def test_the_oldest_record_that_was_not_taken_counts_by_lane(waiting: Waiting) -> None:
    waiting.write(DIALOGUE, 0, age_s=30)
    waiting.write(DIALOGUE, 1, age_s=20)
    waiting.write(BATCH, 0, age_s=100)
    waiting.write(BATCH_1, 0, age_s=300)
    assert await waiting.ages() == (30, 300)
    waiting.take(DIALOGUE, 0)
    waiting.take(BATCH_1, 0)
    assert await waiting.ages() == (20, 100)


async def test_what_was_taken_waits_no_more_though_it_is_unfinished(waiting: Waiting) -> None:
    waiting.write(DIALOGUE, 0, age_s=30)
    await waiting.ages()
    waiting.take(DIALOGUE, 0)
    assert await waiting.ages() == (0, 0)
    assert waiting.member.gauge("tts_oldest_unfinished_job_age_seconds", Lane.DIALOGUE) is not None


async def test_retries_wait_for_their_delay_and_not_for_a_worker(waiting: Waiting) -> None:
    waiting.write(RETRY, 0, age_s=30)
    assert await waiting.ages() == (0, 0)
    assert waiting.opened == 0


async def test_the_age_grows_with_the_clock_and_kafka_is_read_once_for_each_first_record(waiting: Waiting) -> None:
    waiting.write(DIALOGUE, 0, age_s=1)
    assert await waiting.ages() == (1, 0)
    waiting.time.at += 5
    assert await waiting.ages() == (6, 0)
    assert waiting.opened == 1


async def test_one_connection_serves_all_look_ups_while_something_waits(waiting: Waiting) -> None:
    for offset in range(3):
        waiting.write(BATCH, offset, age_s=9)
    for offset in range(2):
        assert await waiting.ages() == (0, 9)
        waiting.take(BATCH, offset)
    assert (waiting.opened, waiting.closed) == (1, 0)
    await waiting.ages()
    waiting.take(BATCH, 2)
    assert await waiting.ages() == (0, 0)
    assert (waiting.opened, waiting.closed) == (1, 1)


async def test_a_connection_that_fails_is_closed_and_the_next_look_up_opens_another(waiting: Waiting) -> None:
    waiting.write(BATCH, 0, age_s=9)
    assert await waiting.ages() == (0, 9)
    assert waiting.reader is not None
    waiting.reader.down = True
    waiting.take(BATCH, 0)
    waiting.write(BATCH, 1, age_s=8)
    assert await waiting.ages() == (0, 0)
    assert (waiting.opened, waiting.closed) == (1, 1)
    assert await waiting.ages() == (0, 8)
    assert (waiting.opened, waiting.closed) == (2, 1)


async def test_the_connection_is_closed_when_the_worker_ends(waiting: Waiting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unstarted, "_LOOK_UP_S", 0)
    waiting.write(BATCH, 0, age_s=9)
    running = asyncio.create_task(waiting.jobs.run())
    await loop_until(lambda: waiting.opened)
    running.cancel()
    await asyncio.wait([running])
    assert (running.cancelled(), waiting.closed) == (True, 1)


async def test_while_kafka_does_not_answer_the_last_answer_holds_until_its_record_is_taken(waiting: Waiting) -> None:
    waiting.write(DIALOGUE, 0, age_s=9)
    await waiting.ages()
    assert waiting.reader is not None
    waiting.down = waiting.reader.down = True
    waiting.write(BATCH, 0, age_s=50)
    assert await waiting.ages() == (9, 0)
    waiting.take(DIALOGUE, 0)
    assert await waiting.ages() == (0, 0)


async def test_offsets_without_a_record_are_looked_at_once_until_the_log_grows(waiting: Waiting) -> None:
    # A transaction's marker: the log ends above it, and no record is there.
    waiting.member.consumer.highwater = lambda partition: int(partition == DIALOGUE)  # type: ignore[method-assign]
    assert await waiting.ages() == (0, 0)
    await waiting.ages()
    assert waiting.opened == 1
    waiting.member.consumer.highwater = lambda partition: 2 * (partition == DIALOGUE)  # type: ignore[method-assign]
    waiting.write(DIALOGUE, 1, age_s=4)
    assert await waiting.ages() == (4, 0)


async def test_a_record_that_cannot_be_read_hides_no_other_partition(waiting: Waiting) -> None:
    waiting.write(BATCH, 0, age_s=50, readable=False)
    waiting.write(BATCH_1, 0, age_s=20)
    assert await waiting.ages() == (0, 20)


async def test_a_record_without_a_time_has_come_by_now(waiting: Waiting) -> None:
    waiting.member.consumer.write(DIALOGUE, 0, timestamp=-1)
    assert await waiting.ages() == (0, 0)
    waiting.time.at += 3
    assert await waiting.ages() == (3, 0)


async def test_a_partition_that_another_worker_has_is_its_own(waiting: Waiting) -> None:
    waiting.write(DIALOGUE, 0, age_s=30)
    await waiting.ages()
    await waiting.member.assign(BATCH)
    assert waiting.member.gauge(AGE, Lane.DIALOGUE) == 0
