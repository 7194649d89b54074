"""Intake: takes as many records as there are free slots, runs their jobs side by side, publishes, commits."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import structlog
from aiokafka import TopicPartition

from schemas.words import Lane
from worker.clock import Clock
from worker.kafka.outbox import Outbox
from worker.kafka.partitions import Owned, Partitions
from worker.kafka.slots import Slot, Slots
from worker.observability.metrics import Metrics
from worker.outcome import Outcome, Pause, Record

_POLL_MS: Final = 500
_IDLE_S: Final = 1.0
_MEASURE_S: Final = 0.25
_LAST_COMMIT_S: Final = 5.0
# Jobs whose outcome isn't acknowledged yet hold no slot; this many times the slots may be about in all.
_UNACKNOWLEDGED: Final = 4
_NOWHERE: Final = TopicPartition("nowhere", 0)
_log = structlog.get_logger(__name__)

Handle = Callable[[Record, Pause], Awaitable[Outcome]]


class Gate(Protocol):
    """Whether jobs may be taken at all."""

    @property
    def is_allowed(self) -> bool:
        """False while nothing may be taken."""


@dataclass(frozen=True)
class IntakeSettings:
    """How much at once, how often to commit, how long a drain may take (seconds)."""

    max_in_flight: int
    commit_interval_s: float
    grace_s: float


class Intake:
    """The bounded pool between the consumer and the outbox."""

    def __init__(
        self,
        *,
        consumer: Any,
        partitions: Partitions,
        outbox: Outbox,
        handle: Handle,
        gate: Gate,
        settings: IntakeSettings,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._consumer = consumer
        self._partitions = partitions
        self._outbox = outbox
        self._handle = handle
        self._gate = gate
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._slots = Slots(settings.max_in_flight)
        self._unacknowledged = Slots(_UNACKNOWLEDGED * settings.max_in_flight)
        self._jobs: set[asyncio.Task[None]] = set()
        self._waiting_for_quota: set[asyncio.Task[Any] | None] = set()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ends the intake: no more records are taken, what is in work is finished within the grace time."""
        self._stopping.set()

    async def run(self) -> None:
        """Works until `stop`, then drains.

        Raises:
            ExceptionGroup: the producer or the consumer failed for good; nothing that wasn't
                acknowledged is committed, so that the next start does it again.
        """
        async with asyncio.TaskGroup() as group:
            taking = group.create_task(self._take(group), name="intake")
            committing = group.create_task(self._commit_regularly(), name="commit")
            measuring = group.create_task(self._measure_regularly(), name="measure")
            await self._stopping.wait()
            taking.cancel()
            await self._drain()
            committing.cancel()
            measuring.cancel()
        try:
            async with asyncio.timeout(_LAST_COMMIT_S):
                await self._partitions.commit()
        except TimeoutError:
            _log.warning("last_commit_failed", detail="Kafka doesn't answer; what was done since is done again")

    async def _take(self, group: asyncio.TaskGroup) -> None:
        while True:
            room = self._room()
            if room == 0 or not self._gate.is_allowed:
                await self._wait_for_room()
                continue
            partitions: list[TopicPartition] = []
            if self._waiting_for_quota:
                # Batch waits for quota; dialogue goes on.
                partitions = self._partitions.of_lane(Lane.DIALOGUE) or [_NOWHERE]
            try:
                taken = await self._consumer.getmany(*partitions, timeout_ms=_POLL_MS, max_records=room)
            except UnicodeDecodeError:
                await self._take_around_unreadable(group)
                continue
            for partition, records in taken.items():
                for record in records:
                    self._start(group, partition, self._record(partition, record))

    async def _take_around_unreadable(self, group: asyncio.TaskGroup) -> None:
        """Finds the record that aiokafka can't decode (a header's name that isn't UTF-8), and steps over it."""
        # What was taken together with it is gone with the error, but the positions have moved.
        await self._partitions.rewind()
        for partition in self._consumer.assignment():
            try:
                # One by one, so that the position is the unreadable record's when it is met.
                while self._room() and (taken := await self._poll_one(partition)):
                    for raw in taken:
                        self._start(group, partition, self._record(partition, raw))
            except UnicodeDecodeError as error:
                offset = await self._consumer.position(partition)
                self._consumer.seek(partition, offset + 1)
                record = Record(
                    lane=self._partitions.lane(partition),
                    topic=partition.topic,
                    partition=partition.partition,
                    offset=offset,
                    key=None,
                    value=None,
                    timestamp_ms=self._now_ms(),
                    unreadable=str(error),
                )
                self._start(group, partition, record)

    async def _poll_one(self, partition: TopicPartition) -> list[Any]:
        taken = await self._consumer.getmany(partition, timeout_ms=_POLL_MS, max_records=1)
        records: list[Any] = taken.get(partition, [])
        return records

    def _room(self) -> int:
        return max(0, min(self._slots.free, self._unacknowledged.free))

    async def _wait_for_room(self) -> None:
        """Waits a moment, then polls without taking: a consumer that doesn't poll leaves its group."""
        try:
            async with asyncio.timeout(_IDLE_S):
                await self._slots.wait_free()
                await self._unacknowledged.wait_free()
                if not self._gate.is_allowed:
                    await asyncio.sleep(_IDLE_S)
        except TimeoutError:
            await self._consumer.getmany(_NOWHERE, timeout_ms=0)

    def _record(self, partition: TopicPartition, raw: Any) -> Record:
        return Record(
            lane=self._partitions.lane(partition),
            topic=raw.topic,
            partition=raw.partition,
            offset=raw.offset,
            key=raw.key,
            value=raw.value,
            headers=list(raw.headers),
            # A record need not have a time; it has come by now.
            timestamp_ms=raw.timestamp if raw.timestamp and raw.timestamp > 0 else self._now_ms(),
        )

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)

    def _start(self, group: asyncio.TaskGroup, partition: TopicPartition, record: Record) -> None:
        owned = self._partitions.received(partition, record.offset, record.timestamp_ms)
        slot = Slot(self._slots)
        self._unacknowledged.take()
        task = group.create_task(self._work(record, owned, slot))
        self._jobs.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._jobs.discard(task)
        self._unacknowledged.give_back()

    async def _work(self, record: Record, owned: Owned, slot: Slot) -> None:
        in_flight = self._metrics.in_flight.labels(record.lane)
        in_flight.inc()
        try:
            outcome = await self._handle(record, partial(self._pause, slot))
            if owned.lost:
                _log.info("outcome_dropped", topic=record.topic, partition=record.partition, offset=record.offset)
                return
            acknowledged = await self._outbox.publish(record, outcome)
        finally:
            in_flight.dec()
            slot.give_back()
        await acknowledged
        self._partitions.done(owned, record.offset)

    async def _pause(self, slot: Slot, seconds: float) -> None:
        """A batch job's wait for quota: without its slot, and with batch intake paused."""
        slot.give_back()
        task = asyncio.current_task()
        self._waiting_for_quota.add(task)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._waiting_for_quota.discard(task)
        await slot.take_again()

    async def _commit_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._settings.commit_interval_s)
            await self._partitions.commit()

    async def _measure_regularly(self) -> None:
        while True:
            await asyncio.sleep(_MEASURE_S)
            self._partitions.measure(self._now_ms())

    async def _drain(self) -> None:
        # Quota may take longer than any grace time.
        for task in self._jobs & self._waiting_for_quota:
            task.cancel()
        if not self._jobs:
            return
        _log.info("draining", in_flight=len(self._jobs), grace_s=self._settings.grace_s)
        _, unfinished = await asyncio.wait(self._jobs, timeout=self._settings.grace_s)
        for task in unfinished:
            task.cancel()
        if unfinished:
            _log.warning(
                "handed_back",
                jobs=len(unfinished),
                detail="not finished within the grace time; done after the restart",
            )
