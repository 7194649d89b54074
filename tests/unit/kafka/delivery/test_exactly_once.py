"""Exactly once: outcomes and offsets in one transaction or neither, whatever fails in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError, MessageSizeTooLargeError, ProducerFenced
from aiokafka.structs import OffsetAndMetadata

from schemas.completion import Completion, Problem
from schemas.enums import JobStatus, Lane
from worker.jobs.outcome import Outcome
from worker.kafka.consumer.record import Record
from worker.kafka.consumer.stall_detector import StallDetector
from worker.kafka.delivery import renewable_producer
from worker.kafka.delivery.exactly_once import ExactlyOnce, FencedError, TransactionGrouping
from worker.kafka.delivery.outbox import Addresses, OutcomeMessages
from worker.kafka.delivery.renewable_producer import RenewableProducer
from worker.lifecycle.clock import Clock

PARTITION = TopicPartition("tts.dialogue", 0)


class Broker:
    """What was committed: records and offsets. `faults` are met, one a step, by the step's name."""

    def __init__(self) -> None:
        self.records: list[str] = []
        self.offsets: dict[TopicPartition, OffsetAndMetadata] = {}
        self.faults: list[tuple[str, Exception]] = []
        self.transactions = 0
        self.producers = 0

    def meet(self, step: str) -> None:
        if self.faults and self.faults[0][0] == step:
            raise self.faults.pop(0)[1]

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Producer]:
        self.producers += 1
        yield Producer(self)

    async def fetch(self, partitions: Any) -> dict[TopicPartition, OffsetAndMetadata]:
        return {each: self.offsets[each] for each in partitions if each in self.offsets}


class Producer:
    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.open: list[str] | None = None
        self.offsets: dict[TopicPartition, OffsetAndMetadata] = {}

    async def begin_transaction(self) -> None:
        assert self.open is None, "a transaction is open"
        self.broker.meet("begin")
        self.open, self.offsets = [], {}

    async def send(self, topic: str, *, value: Any, key: Any, headers: Any) -> asyncio.Future[None]:
        assert key == b"k"
        self.broker.meet("send")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            self.broker.meet(f"acknowledge {len(value or b'') > 2**16}")
        except KafkaError as error:
            future.set_exception(error)
            return future
        assert self.open is not None
        self.open.append(f"{topic} {dict(headers).get('ce_subject', b'').decode()}")
        future.set_result(None)
        return future

    async def send_offsets_to_transaction(self, offsets: Any, group: str) -> None:
        assert group == "g"
        self.broker.meet("offsets")
        self.offsets = dict(offsets)

    async def commit_transaction(self) -> None:
        self.broker.meet("commit")
        assert self.open is not None
        self.broker.records += self.open
        self.broker.offsets |= self.offsets
        self.broker.transactions += 1
        self.open = None
        self.broker.meet("answer")


class Owned:
    lost = False


class Partitions:
    """Counts offsets done; what is committed is how many."""

    def __init__(self) -> None:
        self.settled = asyncio.Event()
        self.settled.set()
        self.failure: Exception | None = None
        self.count = 0
        self.kept: dict[TopicPartition, OffsetAndMetadata] = {}

    def done(self, _: Any, __: int) -> None:
        self.count += 1

    async def commitments(self) -> dict[TopicPartition, OffsetAndMetadata]:
        now = OffsetAndMetadata(self.count, "")
        return {PARTITION: now} if self.kept.get(PARTITION, OffsetAndMetadata(0, "")) != now else {}

    def committed(self, commitments: Any) -> None:
        self.kept |= commitments

    def last_committed(self) -> dict[TopicPartition, OffsetAndMetadata]:
        return self.kept


class Abandoned:
    """Counts how often it is asked to end what dead workers have left open."""

    ends = 0

    async def end(self) -> None:
        self.ends += 1


class World:
    def __init__(self, producing: RenewableProducer, broker: Broker, time: list[float]) -> None:
        self.broker = broker
        self.partitions: Any = Partitions()
        self.consumer: Any = SimpleNamespace(is_member=True)
        offsets: Any = broker
        self.abandoned: Any = Abandoned()
        self.delivery = ExactlyOnce(
            producing,
            offsets,
            OutcomeMessages(Addresses.for_group("tts", "g"), Clock()),
            self.consumer,
            self.partitions,
            group_id="g",
            grouping=TransactionGrouping(interval_s=0.01, count=10),
            abandoned=self.abandoned,
            stall_detector=StallDetector(5.0, Clock(monotonic=lambda: time[0])),
        )

    async def deliver(self, *offsets: int, value: bytes = b"{}", owned: Any = None, failed: bool = False) -> None:
        problem = Problem(failure_class="transient", code="UNAVAILABLE", message="m") if failed else None
        jobs = []
        for offset in offsets:
            completion = Completion(job_id=f"job-{offset}", status=JobStatus.DONE, lane=Lane.DIALOGUE)
            record = Record(Lane.DIALOGUE, "tts.dialogue", 0, offset, b"k", value)
            jobs.append(self.delivery.deliver(record, owned or Owned(), Outcome(completion, problem)))
        await asyncio.gather(*jobs)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewable_producer, "_LONGEST_WAIT_S", 0.01)


@pytest.fixture
def time() -> list[float]:
    return [0.0]


@pytest.fixture
async def world(time: list[float]) -> AsyncIterator[World]:
    broker = Broker()
    async with RenewableProducer(broker.connect) as producing:
        made = World(producing, broker, time)
        running = asyncio.create_task(made.delivery.run())
        try:
            yield made
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def completions(world: World) -> list[str]:
    return [each.split()[-1] for each in world.broker.records if "completions" in each]


async def test_outcomes_and_offsets_are_committed_together_many_in_one_transaction(world: World) -> None:
    await asyncio.wait_for(world.deliver(*range(50)), 60)
    assert sorted(completions(world)) == sorted(f"job-{n}" for n in range(50))
    assert world.broker.offsets == {PARTITION: OffsetAndMetadata(50, "")}
    assert world.broker.transactions < 10


@pytest.mark.parametrize(
    ("step", "error"),
    [
        *((step, KafkaConnectionError("gone")) for step in ("begin", "send", "acknowledge False", "offsets", "commit")),
        *((step, AssertionError("invalid state")) for step in ("begin", "send", "offsets", "commit")),
    ],
)
async def test_a_transaction_that_fails_is_aborted_and_made_again(world: World, step: str, error: Exception) -> None:
    world.broker.faults = [(step, error)]
    await asyncio.wait_for(world.deliver(1, 2, 3), 60)
    assert sorted(completions(world)) == ["job-1", "job-2", "job-3"]
    assert world.broker.offsets == {PARTITION: OffsetAndMetadata(3, "")}
    assert world.broker.producers == 2


async def test_a_commit_whose_answer_was_lost_is_not_made_again(world: World) -> None:
    world.broker.faults = [("answer", KafkaConnectionError("gone"))]
    await asyncio.wait_for(world.deliver(1), 60)
    await asyncio.wait_for(world.deliver(2), 60)
    assert completions(world) == ["job-1", "job-2"]


async def test_of_what_a_topic_refuses_the_largest_is_made_small_and_the_rest_stays(world: World) -> None:
    world.broker.faults = [("acknowledge True", MessageSizeTooLargeError("m"))]
    await asyncio.wait_for(
        asyncio.gather(world.deliver(1, value=bytes(2**18), failed=True), world.deliver(2, failed=True)), 60
    )
    assert sorted(completions(world)) == ["job-1", "job-2"]


async def test_what_is_refused_is_cut_until_the_topic_takes_it_and_ends_no_delivery(world: World) -> None:
    # This completion holds nothing that could be left out: a dead letter takes its place.
    world.broker.faults = [("acknowledge False", MessageSizeTooLargeError("m")) for _ in range(3)]
    await asyncio.wait_for(world.deliver(1), 60)
    assert world.broker.records == ["tts.dead-letters "]
    await asyncio.wait_for(world.deliver(2), 60)
    assert completions(world) == ["job-2"]


async def test_a_fenced_worker_ends_and_commits_nothing_any_more() -> None:
    broker = Broker()
    broker.faults = [("offsets", ProducerFenced())]
    async with RenewableProducer(broker.connect) as producing:
        world = World(producing, broker, [0.0])
        delivering = asyncio.create_task(world.deliver(1))
        await asyncio.sleep(0)
        with pytest.raises(FencedError):
            await asyncio.wait_for(world.delivery.run(), 60)
        await world.delivery.finish()
        delivering.cancel()
    assert broker.records == []
    assert broker.offsets == {}


async def test_a_worker_that_stood_still_commits_nothing_any_more(world: World, time: list[float]) -> None:
    await asyncio.wait_for(world.deliver(1), 60)
    time[0] += 60.0
    delivering = asyncio.create_task(world.deliver(2))
    await asyncio.sleep(0)
    with pytest.raises(FencedError, match="stood still for 60 s"):
        await world.delivery.finish()
    delivering.cancel()
    assert completions(world) == ["job-1"]


async def test_between_a_revocation_and_an_assignment_nothing_is_committed_and_what_was_lost_is_dropped(
    world: World,
) -> None:
    world.partitions.settled.clear()
    lost = Owned()
    dropped = asyncio.create_task(world.deliver(1, owned=lost))
    kept = asyncio.create_task(world.deliver(2))
    await asyncio.sleep(0.05)
    assert world.broker.transactions == 0
    lost.lost = True
    world.partitions.settled.set()
    await asyncio.wait_for(asyncio.gather(dropped, kept), 60)
    assert completions(world) == ["job-2"]


async def test_a_hand_over_makes_one_more_transaction_that_waits_for_the_last_ones_markers(world: World) -> None:
    await asyncio.wait_for(world.deliver(1), 60)
    before = world.broker.transactions
    await world.delivery.finish()
    assert world.broker.transactions == before + 1
    await world.delivery.finish()
    assert world.broker.transactions == before + 1


async def test_who_is_no_member_any_more_commits_nothing(time: list[float]) -> None:
    broker = Broker()
    async with RenewableProducer(broker.connect) as producing:
        world = World(producing, broker, time)
        delivering = asyncio.create_task(world.deliver(1))
        for _ in range(3):
            await asyncio.sleep(0)
        world.consumer.is_member = False
        # The rebalance that follows on it hands over.
        with pytest.raises(FencedError, match="removed this worker from its group"):
            await world.delivery.finish()
        delivering.cancel()
    assert (broker.records, broker.transactions) == ([], 0)


async def test_what_the_listener_met_ends_an_idle_delivery_too() -> None:
    broker = Broker()
    async with RenewableProducer(broker.connect) as producing:
        world = World(producing, broker, [0.0])
        world.partitions.failure = RuntimeError("no offsets")
        with pytest.raises(RuntimeError, match="no offsets"):
            await asyncio.wait_for(world.delivery.run(), 60)


async def test_a_standstill_is_noticed_whoever_looks_first_after_it(time: list[float]) -> None:
    pulse = StallDetector(5.0, Clock(monotonic=lambda: time[0]))
    beating = asyncio.create_task(pulse.run())
    await asyncio.sleep(0)
    time[0] = 4.0
    assert pulse.stood_still_s is None
    time[0] = 10.0
    assert not pulse.is_steady
    assert pulse.stood_still_s == 6.0
    beating.cancel()


async def test_what_was_before_the_first_beat_is_no_standstill(time: list[float]) -> None:
    pulse = StallDetector(5.0, Clock(monotonic=lambda: time[0]))
    time[0] = 45.0
    beating = asyncio.create_task(pulse.run())
    await asyncio.sleep(0)
    assert (pulse.stood_still_s, pulse.is_steady) == (None, True)
    beating.cancel()


def test_who_asks_before_the_first_beat_is_told_of_no_standstill(time: list[float]) -> None:
    # The intake asks before the pulse has run, after a start that may have waited for Kafka for long.
    pulse = StallDetector(5.0, Clock(monotonic=lambda: time[0]))
    time[0] = 45.0
    assert pulse.is_steady
    assert pulse.stood_still_s is None


def test_a_process_is_steady_again_once_the_group_has_had_time_to_tell(time: list[float]) -> None:
    pulse = StallDetector(5.0, Clock(monotonic=lambda: time[0]))
    steady = {}
    for time[0] in (4.9, 9.9, 15.0, 16.9, 17.0, 21.9):
        steady[time[0]] = pulse.is_steady
    assert steady == {4.9: True, 9.9: True, 15.0: False, 16.9: False, 17.0: True, 21.9: True}


async def test_what_dead_workers_left_open_is_ended_before_partitions_are_taken_over(world: World) -> None:
    await world.delivery.before_take_over()
    assert world.abandoned.ends == 1
