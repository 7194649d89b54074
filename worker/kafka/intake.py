"""Intake: takes as many records as there are free slots, runs their jobs side by side, delivers their outcomes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import structlog
from aiokafka import TopicPartition

from schemas.words import Lane
from worker.clock import Clock
from worker.kafka.lanes import Lanes
from worker.kafka.partitions import Owned, Partitions
from worker.kafka.reader import Reader
from worker.kafka.slots import Slot, Slots
from worker.observability.metrics import Metrics
from worker.outcome import Outcome, Pause, Record

_IDLE_S: Final = 1.0
_MEASURE_S: Final = 0.25
_LAST_COMMIT_S: Final = 2.0
# Of the grace time, for the last commit and for clients that Kafka doesn't answer any more.
_RESERVE_S: Final = 10.0
# Jobs whose outcome isn't acknowledged yet hold no slot; this many times the slots may be about in all.
_UNACKNOWLEDGED: Final = 4
_log = structlog.get_logger(__name__)

Handle = Callable[[Record, Pause], Awaitable[Outcome]]


class Gate(Protocol):
    """Whether jobs may be taken at all."""

    @property
    def is_allowed(self) -> bool:
        """False while nothing may be taken."""


class Delivery(Protocol):
    """Publishes outcomes and commits offsets, with the guarantee that it is named for."""

    async def deliver(self, record: Record, owned: Owned, outcome: Outcome) -> None:
        """Returns once the outcome is acknowledged and counted as done."""

    async def run(self) -> None:
        """Does its regular work until it is cancelled."""

    async def finish(self) -> None:
        """Commits what is done and not committed yet."""


@dataclass(frozen=True)
class IntakeSettings:
    """How much at once; how long the end may take from the first signal to the exit (seconds)."""

    max_in_flight: int
    grace_s: float


class Intake:
    """The bounded pool between the reader and the delivery."""

    def __init__(
        self,
        *,
        reader: Reader,
        partitions: Partitions,
        lanes: Lanes,
        delivery: Delivery,
        handle: Handle,
        gate: Gate,
        settings: IntakeSettings,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._partitions = partitions
        self._lanes = lanes
        self._delivery = delivery
        self._handle = handle
        self._gate = gate
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._slots = Slots(settings.max_in_flight)
        self._unacknowledged = Slots(_UNACKNOWLEDGED * settings.max_in_flight)
        self._jobs: set[asyncio.Task[None]] = set()
        self._waiting_for_quota: set[asyncio.Task[Any] | None] = set()
        self._undelivered: dict[tuple[Owned, int], float] = {}
        self._stopping = asyncio.Event()

    def oldest_undelivered_s(self) -> float:
        """How long the oldest outcome waits to be acknowledged, in seconds; 0 with none."""
        began = next(iter(self._undelivered.values()), None)
        return 0.0 if began is None else self._clock.monotonic() - began

    def stop(self) -> None:
        """Ends the intake: no more records are taken, what is in work is finished within the grace time."""
        self._stopping.set()

    async def run(self) -> None:
        """Works until `stop`, then drains.

        Raises:
            ExceptionGroup: the consumer or the delivery failed for good; nothing that wasn't acknowledged is
                committed, so that the next start does it again.
        """
        async with asyncio.TaskGroup() as group:
            taking = group.create_task(self._take(group), name="intake")
            delivering = group.create_task(self._delivery.run(), name="delivery")
            measuring = group.create_task(self._measure_regularly(), name="measure")
            await self._stopping.wait()
            taking.cancel()
            await self._drain()
            delivering.cancel()
            measuring.cancel()
        if not self._partitions.settled.is_set():
            # Whose partitions these are is being decided; what was done by then was committed at the revocation.
            return
        try:
            async with asyncio.timeout(_LAST_COMMIT_S):
                await self._delivery.finish()
        except TimeoutError:
            _log.warning("last_commit_failed", detail="Kafka doesn't answer; what was done since is done again")

    async def _take(self, group: asyncio.TaskGroup) -> None:
        start = partial(self._start, group)
        while True:
            room = min(self._slots.free, self._unacknowledged.free)
            if room > 0 and self._gate.is_allowed:
                await self._reader.take(room, start)
            else:
                await self._wait_for_room()

    async def _wait_for_room(self) -> None:
        try:
            async with asyncio.timeout(_IDLE_S):
                await self._slots.wait_free()
                await self._unacknowledged.wait_free()
                if not self._gate.is_allowed:
                    await asyncio.sleep(_IDLE_S)
        except TimeoutError:
            await self._reader.keep_membership()

    def _start(self, group: asyncio.TaskGroup, partition: TopicPartition, record: Record) -> None:
        owned = self._partitions.received(partition, record.offset, record.timestamp_ms)
        if owned is None:
            return
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
            outcome = await self._handle(record, partial(self._pause, record.lane, slot))
        finally:
            in_flight.dec()
            slot.give_back()
        self._lanes.ended(record, outcome)
        if owned.lost:
            _log.info("outcome_dropped", topic=record.topic, partition=record.partition, offset=record.offset)
            return
        self._undelivered[owned, record.offset] = self._clock.monotonic()
        try:
            await self._delivery.deliver(record, owned, outcome)
        finally:
            del self._undelivered[owned, record.offset]

    async def _pause(self, lane: Lane, slot: Slot, seconds: float) -> None:
        """A batch job's wait for quota: without its slot, and with batch intake paused."""
        slot.give_back()
        task = asyncio.current_task()
        if self._stopping.is_set() and task is not None:
            # Met during the drain: as in `_drain`.
            task.cancel()
        self._waiting_for_quota.add(task)
        try:
            self._lanes.wait_for_quota(lane)
            try:
                await asyncio.sleep(seconds)
            finally:
                self._lanes.waited_for_quota(lane)
            await slot.take_again()
        finally:
            self._waiting_for_quota.discard(task)

    async def _measure_regularly(self) -> None:
        while True:
            await asyncio.sleep(_MEASURE_S)
            self._partitions.measure(self._clock.now().timestamp() * 1000)

    async def _drain(self) -> None:
        # Quota may take longer than any grace time.
        for task in self._jobs & self._waiting_for_quota:
            task.cancel()
        if not self._jobs:
            return
        drain_s = max(self._settings.grace_s - _RESERVE_S, self._settings.grace_s / 2)
        _log.info("draining", in_flight=len(self._jobs), seconds=drain_s)
        _, unfinished = await asyncio.wait(self._jobs, timeout=drain_s)
        for task in unfinished:
            task.cancel()
        if unfinished:
            _log.warning(
                "handed_back",
                jobs=len(unfinished),
                detail="not finished in time; done after the restart",
            )
