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
from worker.kafka.slots import Slots
from worker.observability.metrics import Metrics
from worker.outcome import Outcome, Pause, Record

_POLL_MS: Final = 500
_IDLE_S: Final = 1.0
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
        self._waiting_for_quota = 0
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
            await self._stopping.wait()
            taking.cancel()
            await self._drain()
            committing.cancel()
        await self._partitions.commit()

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
            taken = await self._consumer.getmany(*partitions, timeout_ms=_POLL_MS, max_records=room)
            for partition, records in taken.items():
                for record in records:
                    self._start(group, partition, record)

    def _room(self) -> int:
        return min(self._slots.free, self._unacknowledged.free)

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

    def _start(self, group: asyncio.TaskGroup, partition: TopicPartition, raw: Any) -> None:
        owned = self._partitions.received(partition, raw.offset, raw.timestamp)
        record = Record(
            lane=owned.lane,
            topic=raw.topic,
            partition=raw.partition,
            offset=raw.offset,
            key=raw.key,
            value=raw.value,
            headers=list(raw.headers),
            timestamp_ms=raw.timestamp,
        )
        slot = _Slot(self._slots)
        self._unacknowledged.take()
        task = group.create_task(self._work(record, owned, slot))
        self._jobs.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._jobs.discard(task)
        self._unacknowledged.give_back()

    async def _work(self, record: Record, owned: Owned, slot: "_Slot") -> None:
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

    async def _pause(self, slot: "_Slot", seconds: float) -> None:
        """A batch job's wait for quota: without its slot, and with batch intake paused."""
        slot.give_back()
        self._waiting_for_quota += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._waiting_for_quota -= 1
        await slot.take_again()

    async def _commit_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._settings.commit_interval_s)
            await self._partitions.commit()
            self._partitions.measure(self._clock.now().timestamp() * 1000)

    async def _drain(self) -> None:
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


class _Slot:
    """One job's hold on a slot; giving back twice is giving back once."""

    def __init__(self, slots: Slots) -> None:
        slots.take()
        self._slots = slots
        self._held = True

    def give_back(self) -> None:
        if self._held:
            self._held = False
            self._slots.give_back()

    async def take_again(self) -> None:
        await self._slots.wait_free()
        self._slots.take()
        self._held = True
