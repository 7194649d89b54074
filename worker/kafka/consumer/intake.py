"""Back-pressure: takes only as many records as there are free slots, runs jobs concurrently, delivers outcomes."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

import structlog
from aiokafka import TopicPartition

from schemas.enums import Lane
from worker.jobs.outcome import Outcome
from worker.kafka.consumer.assignment import AssignedPartitions
from worker.kafka.consumer.lane_pauses import LanePauses
from worker.kafka.consumer.log_bounds import OUTSIDE_LOG, LogBounds
from worker.kafka.consumer.partition import OwnedPartition
from worker.kafka.consumer.ports import Delivery, IntakeGate, JobHandler, StartJob
from worker.kafka.consumer.reader import MOST_AT_ONCE, LaneReader
from worker.kafka.consumer.received_job import read_job
from worker.kafka.consumer.record import Record
from worker.kafka.consumer.slots import LaneSlots, Slot, Slots
from worker.kafka.consumer.stall_detector import StallDetector
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics
from worker.observability.tracing.tracer import NO_TRACER, Tracer

_IDLE_S: Final = 1.0
_LAST_COMMIT_S: Final = 2.0
# Part of the grace time, kept for the last commit and for closing clients that Kafka no longer answers.
_RESERVE_S: Final = 10.0
# A job that waits for its outcome's acknowledgement holds no slot. The limit of all jobs is this many times the slots.
_UNACKNOWLEDGED: Final = 4
# Batch jobs that start together also get Google's responses together, and delay all other jobs each time. With a batch
# backlog, one at a time and loop iterations under 0.5 ms made dialogue jobs an eighth faster (p99) than two at a time
# and 2 ms. Batch throughput didn't fall.
_AT_ONCE: Final = {Lane.DIALOGUE: MOST_AT_ONCE, Lane.BATCH: 1}
_QUICK_ROUND_S: Final = 0.0005
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class IntakeSettings:
    """Concurrent jobs, slots reserved for dialogue, and the time from the first stop signal to the exit in seconds."""

    max_in_flight: int
    dialogue_slots: int
    grace_s: float


class Intake:
    """Bounded pool of jobs between the reader and the delivery."""

    def __init__(
        self,
        *,
        reader: LaneReader,
        bounds: LogBounds,
        partitions: AssignedPartitions,
        lanes: LanePauses,
        delivery: Delivery,
        handler: JobHandler,
        gate: IntakeGate,
        stall_detector: StallDetector,
        settings: IntakeSettings,
        metrics: Metrics,
        clock: Clock,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._reader = reader
        self._bounds = bounds
        self._partitions = partitions
        self._lanes = lanes
        self._delivery = delivery
        self._handler = handler
        self._gate = gate
        self._stall_detector = stall_detector
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._tracer = tracer
        self._slots = LaneSlots(settings.max_in_flight, settings.dialogue_slots)
        self._unacknowledged = Slots(_UNACKNOWLEDGED * settings.max_in_flight)
        self._jobs: set[asyncio.Task[None]] = set()
        self._waits: dict[object, Callable[[], object]] = {}
        self._undelivered: dict[tuple[OwnedPartition, int], float] = {}
        self._stopping = asyncio.Event()

    def oldest_undelivered_s(self) -> float:
        """The age of the oldest unacknowledged outcome in seconds; 0 if there is none."""
        began = next(iter(self._undelivered.values()), None)
        return 0.0 if began is None else self._clock.monotonic() - began

    def stop(self) -> None:
        """Stops the intake: takes no more records; running jobs have the grace time to finish."""
        self._stopping.set()

    async def run(self) -> None:
        """Runs until `stop`, then drains.

        Raises:
            ExceptionGroup: the consumer or the delivery failed for good. Nothing unacknowledged is committed, so
                the next start does those jobs again.
        """
        async with asyncio.TaskGroup() as group:
            taking = [group.create_task(self._take(lane, group), name=f"intake of {lane}") for lane in Lane]
            delivering = group.create_task(self._delivery.run(), name="delivery")
            detecting = group.create_task(self._stall_detector.run(), name="stall detector")
            await self._stopping.wait()
            for task in taking:
                task.cancel()
            await self._drain()
            delivering.cancel()
            detecting.cancel()
        if not self._partitions.settled.is_set():
            # A rebalance is under way: finished jobs were committed at the revocation; no commit is allowed now.
            return
        try:
            async with asyncio.timeout(_LAST_COMMIT_S):
                await self._delivery.finish()
        except TimeoutError:
            _log.warning(
                "last_commit_failed", detail="Kafka doesn't answer; jobs finished since the last commit are repeated"
            )

    async def _take(self, lane: Lane, group: asyncio.TaskGroup) -> None:
        """Takes records of one lane: a read of batch partitions never delays dialogue, nor the reverse."""
        start = partial(self._start, group)
        while True:
            room = min(self._slots.free(lane), self._unacknowledged.free, _AT_ONCE[lane])
            if room > 0 and self._may_take:
                came = await self._read(lane, room, start)
                if lane is Lane.DIALOGUE:
                    self._slots.more_dialogue = came >= room
                    self._slots.wake()
                elif came:
                    await self._yield_to_dialogue()
            else:
                await self._wait_for_room(lane)

    async def _read(self, lane: Lane, room: int, start: StartJob) -> int:
        try:
            return await self._reader.take(lane, room, start, wait=not self._slots.more_dialogue)
        except OUTSIDE_LOG as error:
            await self._bounds.recover(error)
            return 0

    @property
    def _may_take(self) -> bool:
        # After a stall, another worker may own the partitions of records fetched before it, and have done their jobs.
        return self._gate.is_open and self._stall_detector.is_steady

    async def _yield_to_dialogue(self) -> None:
        """Yields until one event loop iteration takes < 0.5 ms: a dialogue job needs about 20 iterations."""
        while True:
            began = self._clock.monotonic()
            await asyncio.sleep(0)
            if self._clock.monotonic() - began < _QUICK_ROUND_S:
                return

    async def _wait_for_room(self, lane: Lane) -> None:
        try:
            async with asyncio.timeout(_IDLE_S):
                await self._slots.wait_free(lane)
                await self._unacknowledged.wait_free()
                if not self._may_take:
                    await asyncio.sleep(_IDLE_S)
        except TimeoutError:
            await self._reader.keep_membership()

    def _start(self, group: asyncio.TaskGroup, partition: TopicPartition, record: Record) -> None:
        owned = self._partitions.received(partition, record.offset, record.timestamp_ms)
        if owned is None:
            return
        slot = Slot(self._slots, record.lane)
        self._unacknowledged.take()
        task = group.create_task(self._work(record, owned, slot))
        self._jobs.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._jobs.discard(task)
        self._unacknowledged.give_back()

    async def _work(self, record: Record, owned: OwnedPartition, slot: Slot) -> None:
        job = cast("asyncio.Task[None]", asyncio.current_task())
        in_flight = self._metrics.in_flight.labels(record.lane)
        with self._partitions.working(owned), self._process_span(record):
            in_flight.inc()
            try:
                # Lanes are read concurrently: the other lane may have taken the slot that was free before the read.
                await slot.hold()
                received = read_job(record, self._clock.now())
                outcome = await self._handler.handle(received, partial(self._waiting, job.cancel, owned))
            finally:
                in_flight.dec()
                slot.give_back()
            self._lanes.ended(record, outcome)
            await self._deliver(record, owned, outcome)

    def _process_span(self, record: Record) -> AbstractContextManager[object]:
        return self._tracer.process(
            record.lane,
            record.topic,
            partition=record.partition,
            offset=record.offset,
            headers=record.headers,
            timestamp_ms=record.timestamp_ms,
        )

    async def _deliver(self, record: Record, owned: OwnedPartition, outcome: Outcome) -> None:
        if owned.lost:
            _log.info("outcome_dropped", topic=record.topic, partition=record.partition, offset=record.offset)
            return
        self._undelivered[owned, record.offset] = self._clock.monotonic()
        try:
            await self._delivery.deliver(record, owned, outcome)
        finally:
            del self._undelivered[owned, record.offset]

    @contextmanager
    def _waiting(self, cancel: Callable[[], object], owned: OwnedPartition) -> Iterator[None]:
        """Entered while a batch job waits for quota, or for another job's take (single flight).

        The job keeps its slot, so that waiting jobs count as back-pressure.
        The parts of a long text wait concurrently, each in a task of its own.
        """
        if self._stopping.is_set() or owned.lost:
            # The wait begins during the drain or after a hand-over: cancel, as `_drain` and `OwnedPartition.lose` do.
            cancel()
        wait = object()
        self._waits[wait] = cancel
        try:
            with self._partitions.waiting(owned, cancel):
                yield
        finally:
            del self._waits[wait]

    async def _drain(self) -> None:
        # A wait for quota may outlast any grace time.
        for cancel in self._waits.values():
            cancel()
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
                detail="not finished in time; repeated after the restart",
            )
