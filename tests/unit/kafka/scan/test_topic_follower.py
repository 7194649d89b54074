"""A follower reads topics from a time on, goes on where it was after an outage, and steps over what can't be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException, KafkaConnectionError
from structlog.testing import capture_logs

from worker.config.settings import load_settings
from worker.kafka.scan import topic_follower
from worker.kafka.scan.topic_follower import TopicFollower
from worker.lifecycle.clock import Clock

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
FIRST, SECOND = TopicPartition("lane", 0), TopicPartition("lane", 1)


@dataclass
class Broker:
    """A topic's records by partition: a text, or an exception that reading it raises."""

    logs: dict[TopicPartition, list[Any]] = field(default_factory=lambda: {FIRST: [], SECOND: []})
    begins: dict[TopicPartition, int] = field(default_factory=dict)
    is_away: bool = False
    opened: int = 0
    polls: int = 0

    def first(self, partition: TopicPartition) -> int:
        return self.begins.get(partition, 0)


class Consumer:
    """What the follower uses of a consumer; positions move as aiokafka's do."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._positions: dict[TopicPartition, int] = {}

    async def start(self) -> None:
        if self._broker.is_away:
            raise KafkaConnectionError("away")

    def assign(self, partitions: list[TopicPartition]) -> None:
        self._positions = dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return {each: len(self._broker.logs[each]) for each in partitions}

    async def beginning_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return {each: self._broker.first(each) for each in partitions}

    async def offsets_for_times(self, times: dict[TopicPartition, int]) -> dict[TopicPartition, Any]:
        firsts = {each: self._broker.first(each) for each in times}
        return {
            each: SimpleNamespace(offset=first) if first < len(self._broker.logs[each]) else None
            for each, first in firsts.items()
        }

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._positions[partition] = offset

    async def position(self, partition: TopicPartition) -> int:
        return self._positions[partition]

    def last_stable_offset(self, partition: TopicPartition) -> int:
        return len(self._broker.logs[partition])

    def last_poll_timestamp(self, _partition: TopicPartition) -> int:
        return self._broker.polls

    def partitions_for_topic(self, _topic: str) -> set[int]:
        return {each.partition for each in self._broker.logs}

    async def getmany(
        self, *partitions: TopicPartition, max_records: int | None = None, **_: int
    ) -> dict[TopicPartition, list[Any]]:
        await asyncio.sleep(0)
        self._broker.polls += 1
        if self._broker.is_away:
            raise KafkaConnectionError("away")
        taken: dict[TopicPartition, list[Any]] = {}
        for partition in partitions or self._positions:
            begin = self._positions[partition]
            for offset, record in list(enumerate(self._broker.logs[partition]))[begin:][:max_records]:
                if isinstance(record, Exception):
                    # Records that were taken together with it are gone, and the positions have moved.
                    raise record
                taken.setdefault(partition, []).append(SimpleNamespace(value=record, offset=offset))
                self._positions[partition] = offset + 1
        return taken


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    made = Broker()

    @asynccontextmanager
    async def consumer(*_: object) -> AsyncIterator[Consumer]:
        made.opened += 1
        yield Consumer(made)

    async def partitions(*_: object) -> list[TopicPartition]:
        return list(made.logs)

    monkeypatch.setattr(topic_follower, "standalone_consumer", consumer)
    monkeypatch.setattr(topic_follower, "list_partitions", partitions)
    return made


def made(clock: Clock | None = None) -> tuple[TopicFollower, list[str]]:
    seen: list[str] = []

    def see(record: Any) -> None:
        seen.append(record.value)

    kafka = load_settings({}).kafka
    return TopicFollower(kafka, "lanes", ["lane"], see, since=SINCE, clock=clock or Clock()), seen


@asynccontextmanager
async def running(follower: TopicFollower) -> AsyncIterator[None]:
    task = asyncio.create_task(follower.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def following() -> AsyncIterator[tuple[TopicFollower, list[str]]]:
    follower, seen = made()
    async with running(follower):
        yield follower, seen


async def until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0)


async def test_all_that_is_there_is_read_then_what_comes(broker: Broker) -> None:
    broker.logs = {FIRST: ["a", "b"], SECOND: ["c"]}
    async with following() as (follower, seen):
        await asyncio.wait_for(follower.caught_up.wait(), 60)
        assert sorted(seen) == ["a", "b", "c"]
        broker.logs[SECOND].append("d")
        await until(lambda: seen[3:] == ["d"])


async def test_an_empty_topic_is_caught_up_at_once(broker: Broker) -> None:
    async with following() as (follower, seen):
        await asyncio.wait_for(follower.caught_up.wait(), 60)
        assert (seen, broker.opened) == ([], 1)


async def test_after_an_outage_it_goes_on_where_it_was_and_logs_it_once(broker: Broker) -> None:
    broker.logs[FIRST] = ["a"]
    async with following() as (_, seen):
        await until(lambda: seen == ["a"])
        with capture_logs() as logs:
            broker.is_away = True
            await until(lambda: broker.opened > 3)
            broker.logs[FIRST].append("b")
            broker.is_away = False
            await until(lambda: seen == ["a", "b"])
            await until(lambda: len(logs) == 2)
    assert [each["event"] for each in logs] == ["topics_unreachable", "topics_reachable"]


async def test_it_waits_for_a_cluster_that_is_away_when_it_begins(broker: Broker) -> None:
    broker.is_away = True
    broker.logs[FIRST] = ["a"]
    async with following() as (follower, seen):
        await until(lambda: broker.opened > 2)
        assert not follower.caught_up.is_set()
        broker.is_away = False
        await until(lambda: seen == ["a"])


async def test_a_record_that_cant_be_decoded_is_stepped_over_alone(broker: Broker) -> None:
    broken = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid")
    broker.logs = {FIRST: ["a", broken, "b"], SECOND: ["c", "d"]}
    async with following() as (follower, seen):
        await asyncio.wait_for(follower.caught_up.wait(), 60)
        assert sorted(seen) == ["a", "b", "c", "d"]


async def test_a_batch_that_cant_be_read_ends_its_own_partition_alone_and_is_logged(broker: Broker) -> None:
    broker.logs = {FIRST: ["a", CorruptRecordException("crc"), "b"], SECOND: ["c"]}
    with capture_logs() as logs:
        async with following() as (follower, seen):
            await asyncio.wait_for(follower.caught_up.wait(), 60)
            assert "c" in seen
            broker.logs[FIRST].append("e")
            await until(lambda: seen[-1] == "e")
    (logged,) = [each for each in logs if each["event"] == "batch_unreadable"]
    assert logged["detail"].endswith("to 2 are passed over")


async def test_partitions_that_are_added_are_read_too(broker: Broker) -> None:
    broker.logs[FIRST] = ["a"]
    async with following() as (_, seen):
        await until(lambda: seen == ["a"])
        broker.logs[TopicPartition("lane", 2)] = ["b"]
        await until(lambda: seen == ["a", "b"])


async def test_a_topic_that_was_made_again_is_read_from_its_beginning(broker: Broker) -> None:
    broker.logs[FIRST] = ["a", "b", "c"]
    async with following() as (_, seen):
        await until(lambda: len(seen) == 3)
        broker.is_away = True
        await until(lambda: broker.opened > 1)
        broker.logs[FIRST] = ["d"]
        broker.is_away = False
        await until(lambda: seen[3:] == ["d"])


async def test_a_start_reads_what_is_there_and_the_run_goes_on_from_it(broker: Broker) -> None:
    broker.logs = {FIRST: ["a", "b"], SECOND: ["c"]}
    follower, seen = made()
    await follower.start()
    assert follower.caught_up.is_set()
    assert sorted(seen) == ["a", "b", "c"]
    broker.logs[FIRST].append("d")
    async with running(follower):
        await until(lambda: seen[3:] == ["d"])
    assert sorted(seen) == ["a", "b", "c", "d"]


async def test_a_start_that_kafka_refuses_says_so_and_the_next_one_reads_all(broker: Broker) -> None:
    broker.logs[FIRST] = ["a"]
    broker.is_away = True
    follower, seen = made()
    with pytest.raises(KafkaConnectionError):
        await follower.start()
    assert not follower.caught_up.is_set()
    broker.is_away = False
    await follower.start()
    assert seen == ["a"]


async def test_its_age_grows_from_kafkas_last_answer(broker: Broker) -> None:
    now = 0.0
    follower, _ = made(Clock(monotonic=lambda: now))
    now = 7.0
    assert follower.age_s() == 7.0
    await follower.start()
    assert follower.age_s() == 0.0
    broker.is_away = True
    async with running(follower):
        await until(lambda: broker.opened > 1)
        now = 12.0
        await until(lambda: broker.opened > 2)
        assert follower.age_s() == 5.0
