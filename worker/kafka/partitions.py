"""The partitions that this worker owns: what is in work in each, what may be committed, what was lost."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from schemas.words import Lane
from worker.kafka.offsets import OffsetTracker
from worker.observability.metrics import Metrics

_NOTHING_COMMITTED: Final = -1
_log = structlog.get_logger(__name__)


@dataclass(eq=False)
class Owned:
    """One partition of ours. Once it is `lost`, another worker does its jobs and our outcomes are dropped."""

    lane: Lane
    tracker: OffsetTracker | None = None
    committed: int = _NOTHING_COMMITTED
    lost: bool = False


class Partitions(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Follows the group's assignments and commits what is done.

    Args:
        consumer: an aiokafka consumer that this is the rebalance listener of.
        lanes: the lane of each topic.
        revoke_wait_s: how long a rebalance waits for jobs in work; all workers of the group wait with it.
        metrics: told of lag and age.
    """

    def __init__(self, consumer: Any, lanes: dict[str, Lane], revoke_wait_s: float, metrics: Metrics) -> None:
        self._consumer = consumer
        self._lanes = lanes
        self._revoke_wait_s = revoke_wait_s
        self._metrics = metrics
        self._owned: dict[TopicPartition, Owned] = {}
        self._committing = asyncio.Lock()
        self._progress = asyncio.Event()
        self._refused = False
        self._failure: Exception | None = None
        self.assigned = asyncio.Event()

    def lane(self, partition: TopicPartition) -> Lane:
        """The lane that a partition belongs to."""
        return self._lanes[partition.topic]

    def of_lane(self, lane: Lane) -> list[TopicPartition]:
        """The partitions of a lane."""
        return [partition for partition, owned in self._owned.items() if owned.lane is lane]

    def received(self, partition: TopicPartition, offset: int, timestamp_ms: int) -> Owned:
        """Notes a record that came, and returns the partition that its job belongs to."""
        owned = self._owned[partition]
        if owned.tracker is None:
            owned.tracker = OffsetTracker(offset)
        owned.tracker.received(offset, timestamp_ms)
        return owned

    async def rewind(self) -> None:
        """Puts every partition back to the record after the last that was received."""
        fresh = []
        for partition, owned in self._owned.items():
            if owned.tracker is not None:
                self._consumer.seek(partition, owned.tracker.position)
            elif owned.committed != _NOTHING_COMMITTED:
                self._consumer.seek(partition, owned.committed)
            else:
                fresh.append(partition)
        if fresh:
            await self._consumer.seek_to_beginning(*fresh)

    def done(self, owned: Owned, offset: int) -> None:
        """Notes that a record's outcome is acknowledged."""
        if owned.tracker is not None:
            owned.tracker.done(offset)
        self._progress.set()

    async def commit(self) -> None:
        """Commits what is done and not committed yet; a refusal is told and tried again with the next commit."""
        async with self._committing:
            if self._failure is not None:
                raise self._failure
            found: list[tuple[TopicPartition, Owned, int]] = []
            # A copy: an assignment may come in between.
            for partition, owned in [*self._owned.items()]:
                offset = await self._committable(partition, owned)
                if offset is not None and offset != owned.committed:
                    found.append((partition, owned, offset))
            # What was lost and came back in between is another's count.
            wanted = {partition: offset for partition, owned, offset in found if self._owned.get(partition) is owned}
            if not wanted:
                return
            try:
                await self._consumer.commit(wanted)
            except (CommitFailedError, IllegalStateError):
                # A rebalance is under way; whoever owns the partitions after it commits them.
                self._tell_refusal("a rebalance is under way")
                return
            except KafkaError as error:
                self._tell_refusal(f"{type(error).__name__}: {error}")
                return
            self._refused = False
            for _, owned, offset in found:
                owned.committed = offset

    def _tell_refusal(self, why: str) -> None:
        # Commits come ten times a second; one line tells of a row of refusals.
        if not self._refused:
            _log.warning("commit_refused", why=why)
        self._refused = True

    async def _committable(self, partition: TopicPartition, owned: Owned) -> int | None:
        if owned.tracker is None:
            return None
        if owned.tracker.outstanding:
            return owned.tracker.committable
        try:
            # Offsets have gaps: what lies between the last record and the position is no job.
            position: int = await self._consumer.position(partition)
        except IllegalStateError:
            # Not assigned: a rebalance is under way.
            return owned.tracker.committable
        return max(owned.tracker.committable, position)

    def measure(self, now_ms: float) -> None:
        """Tells the metrics of lag and age; `now_ms` since 1970."""
        lag = dict.fromkeys(Lane, 0)
        oldest: dict[Lane, float] = dict.fromkeys(Lane, now_ms)
        for partition, owned in self._owned.items():
            # In a rebalance what we own and what the consumer has assigned differ for a moment.
            assigned = partition in self._consumer.assignment()
            high = self._consumer.highwater(partition) if assigned else None
            tracker = owned.tracker
            if high is not None:
                done = max(owned.committed, tracker.committable if tracker else 0)
                lag[owned.lane] += max(0, high - done - (tracker.done_above if tracker else 0))
            if tracker is not None and tracker.oldest_timestamp_ms is not None:
                oldest[owned.lane] = min(oldest[owned.lane], tracker.oldest_timestamp_ms)
        for lane in Lane:
            self._metrics.lag.labels(lane).set(lag[lane])
            self._metrics.oldest.labels(lane).set(max(0.0, (now_ms - oldest[lane]) / 1000))

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Commits, and waits a little for what is in work; the rest runs on, and may turn out to be kept."""
        if not revoked:
            return
        try:
            async with asyncio.timeout(self._revoke_wait_s):
                while any(owned.tracker and owned.tracker.outstanding for owned in self._owned.values()):
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            _log.info("rebalance_with_jobs_in_work", waited_s=self._revoke_wait_s)
        await self.commit()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Goes on with what was kept, where it was; drops what was lost."""
        # aiokafka fetches while this runs: no record may come before its partition's place is known.
        self._consumer.pause(*assigned)
        try:
            order = list(assigned)
            committed = await asyncio.gather(*map(self._committed, order))
            self._take_over(dict(zip(order, committed, strict=True)))
            self._consumer.resume(*assigned)
        except Exception as error:
            # aiokafka logs what a listener raises and goes on; the next commit raises it, and the worker ends.
            self._failure = error
            raise
        _log.info("assigned", partitions=sorted(f"{p.topic}/{p.partition}" for p in assigned))
        self.assigned.set()

    def _take_over(self, committed: dict[TopicPartition, int]) -> None:
        for partition, owned in [*self._owned.items()]:
            # Where somebody else committed since, it had another owner in a generation that we missed.
            if committed.get(partition) != owned.committed:
                self._owned.pop(partition).lost = True
        for partition, offset in committed.items():
            kept = self._owned.get(partition)
            if kept is None:
                self._owned[partition] = Owned(self._lanes[partition.topic], committed=offset)
            elif kept.tracker is not None:
                self._consumer.seek(partition, kept.tracker.position)

    async def _committed(self, partition: TopicPartition) -> int:
        committed: int | None = await self._consumer.committed(partition)
        return _NOTHING_COMMITTED if committed is None else committed
