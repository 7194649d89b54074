"""The partitions assigned to this worker: which may be read, their running jobs, and their next commits."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError

from worker.kafka.client.committed_offsets import NOTHING, Commitments
from worker.kafka.client.consumer_interface import Consumer
from worker.kafka.client.topics import Source
from worker.kafka.consumer.offset_map import Range
from worker.kafka.consumer.offset_tracker import OffsetTracker
from worker.kafka.consumer.partition import OwnedPartition

# aiokafka answers at once where it knows a position.
_POSITION_S: Final = 0.05
_BEGIN_S: Final = 2.0
_log = structlog.get_logger(__name__)


class AssignedPartitions:
    """The state of this worker's assignment; the rebalance listener changes which partitions it holds.

    Args:
        consumer: a member of the group.
        sources: each subscribed topic, by its name.
    """

    def __init__(self, consumer: Consumer, sources: Mapping[str, Source]) -> None:
        self._consumer = consumer
        self._sources = sources
        self._owned: dict[TopicPartition, OwnedPartition] = {}
        self._counts: dict[str, int] = {}
        self._progress = asyncio.Event()
        self.failure: Exception | None = None
        """What the rebalance listener raised: aiokafka only logs it, so the next commit must raise it."""
        self.settled = asyncio.Event()
        """Set while the assignment is known: cleared between a revocation and the next assignment."""

    @property
    def owned(self) -> Mapping[TopicPartition, OwnedPartition]:
        """The partitions that this worker owns now."""
        return self._owned

    def fresh(self) -> list[TopicPartition]:
        """The partitions without a commit of which no record has been taken yet."""
        return [partition for partition, owned in self._owned.items() if owned.tracker is None]

    def unserved(self) -> list[TopicPartition]:
        """The partitions that were added to a topic since the last assignment; empty unless we have its partition 0.

        One worker of the group alone has that partition, so that each is counted once.
        """
        return [
            TopicPartition(topic, number)
            for topic, count in self._counts.items()
            if TopicPartition(topic, 0) in self._owned
            for number in range(count, len(self._consumer.partitions_for_topic(topic) or ()))
        ]

    def source(self, partition: TopicPartition) -> Source:
        """What a partition's topic holds."""
        return self._sources[partition.topic]

    # What may be taken

    def takeable(self, allowed: Callable[[Source], bool], room: int, at_s: float) -> list[TopicPartition]:
        """The partitions of allowed sources from which up to `room` records may be taken.

        A partition is left out while its offset map might not hold them, or while it is held.
        """
        return [
            partition
            for partition, owned in self._owned.items()
            if allowed(owned.source)
            and owned.not_before_s <= at_s
            and (owned.tracker is None or owned.tracker.may_take(room))
        ]

    def next_due_s(self, at_s: float) -> float | None:
        """When the first held partition may be taken from again, by the monotonic clock; None if none is held."""
        return min((o.not_before_s for o in self._owned.values() if o.not_before_s > at_s), default=None)

    def defer(self, partition: TopicPartition, offset: int, until_s: float) -> None:
        """Rewinds a retry partition to a record that isn't due, and holds the partition until it is."""
        self._consumer.seek(partition, offset)
        self.hold(partition, until_s)

    def hold(self, partition: TopicPartition, until_s: float) -> None:
        """Stops reads from a partition until a time of the monotonic clock; one that was lost meanwhile isn't held."""
        owned = self._owned.get(partition)
        if owned is not None:
            owned.not_before_s = until_s

    async def rewind(self, partitions: Iterable[TopicPartition]) -> None:
        """Rewinds those partitions that are ours to the offset after the last received record."""
        fresh = []
        for partition in partitions:
            owned = self._owned.get(partition)
            if owned is None:
                continue
            if owned.tracker is not None:
                self._consumer.seek(partition, owned.tracker.position)
            else:
                fresh.append(partition)
        if fresh:
            await self._consumer.seek_to_beginning(*fresh)

    async def begin_fresh(self) -> None:
        """Begins partitions without a commit and without a record at their first offset; waits a moment for Kafka."""
        try:
            async with asyncio.timeout(_BEGIN_S):
                if fresh := self.fresh():
                    await self._consumer.seek_to_beginning(*fresh)
        except (IllegalStateError, TimeoutError):
            # A rebalance has taken one of them away, or one has no leader now; aiokafka goes on with the others.
            pass

    def skip_to(self, partition: TopicPartition, offset: int, begin: int) -> list[Range]:
        """Moves a partition to the beginning of its log, above the next offset to read.

        Returns:
            The ranges that were skipped and weren't done before a restart.
        """
        owned = self._owned[partition]
        self._consumer.seek(partition, begin)
        return [(offset, begin)] if owned.tracker is None else owned.tracker.skip_to(begin)

    def restart(self, partition: TopicPartition, begin: int) -> None:
        """Begins a partition anew, after its log has lost its end: what is in work belongs to the lost records."""
        before = self._owned[partition]
        before.lose()
        # The group's commit is as it was until the next one.
        self._owned[partition] = OwnedPartition(
            before.source, OffsetTracker(begin), committed=before.committed, tried=before.tried
        )
        self._consumer.seek(partition, begin)

    # What is at work

    def received(self, partition: TopicPartition, offset: int, timestamp_ms: int) -> OwnedPartition | None:
        """Records that a record has arrived.

        Returns:
            The partition that its job belongs to; None if the record was done before a restart, or the partition was
            lost since it was read.
        """
        owned = self._owned.get(partition)
        if owned is None:
            return None
        if owned.tracker is not None and offset < owned.tracker.position:
            # The log was cut: the topic was deleted and made anew, or an unclean leader election lost its end.
            _log.error("offsets_went_back", topic=partition.topic, partition=partition.partition, offset=offset)
            owned.lose()
            owned = self._owned[partition] = OwnedPartition(owned.source)
        if owned.tracker is None:
            owned.tracker = OffsetTracker(offset)
        return owned if owned.tracker.received(offset, timestamp_ms) else None

    def done(self, owned: OwnedPartition, offset: int) -> None:
        """Records that a record's outcome is acknowledged."""
        if owned.tracker is not None:
            owned.tracker.done(offset)
        self._progress.set()

    @contextmanager
    def working(self, owned: OwnedPartition) -> Iterator[None]:
        """Counts a job as at work until its outcome is acknowledged or it is given up; a hand-over waits for it."""
        owned.working += 1
        try:
            yield
        finally:
            owned.working -= 1
            self._progress.set()

    @contextmanager
    def waiting(self, owned: OwnedPartition, cancel: Callable[[], object]) -> Iterator[None]:
        """Counts a job as waiting; a hand-over doesn't wait for it, and `cancel` is called if its partition is lost."""
        wait = object()
        owned.waiting[wait] = cancel
        self._progress.set()
        try:
            yield
        finally:
            del owned.waiting[wait]

    async def wait_until_idle(self) -> None:
        """Waits until no job is at work, apart from those that are waiting."""
        while any(owned.busy for owned in self._owned.values()):
            self._progress.clear()
            await self._progress.wait()

    # What may be committed

    async def commitments(self) -> Commitments:
        """Each partition's new commit, with the map of what is done above it; without those that haven't changed."""
        found = {}
        # A copy: an assignment may come in between.
        for partition, owned in [*self._owned.items()]:
            if owned.tracker is None:
                continue
            offset = await self._committable(partition, owned.tracker)
            commitment = owned.commitment(offset)
            # A partition that was lost and came back meanwhile has a tracker of its own.
            if commitment != owned.committed and self._owned.get(partition) is owned:
                found[partition] = owned.tried = commitment
        return found

    def committed(self, commitments: Commitments) -> None:
        """Records that Kafka has taken these commits."""
        for partition, commitment in commitments.items():
            if partition in self._owned:
                self._owned[partition].committed = commitment

    def last_committed(self) -> Commitments:
        """The last commit of each partition, without those that have none."""
        return {p: owned.committed for p, owned in self._owned.items() if owned.committed != NOTHING}

    async def _committable(self, partition: TopicPartition, tracker: OffsetTracker) -> int:
        try:
            high = self._consumer.highwater(partition) if partition in self._consumer.assignment() else None
            if tracker.outstanding or high is None or high <= tracker.position:
                return tracker.committable
            # Offsets have gaps: between the last record and the consumer's position there is no job.
            async with asyncio.timeout(_POSITION_S):
                position = await self._consumer.position(partition)
        except (IllegalStateError, TimeoutError):
            # A rebalance is under way, or aiokafka is looking up where the log begins.
            return tracker.committable
        # Meanwhile a record may have come.
        return tracker.committable if tracker.outstanding else max(tracker.committable, position)

    # Which partitions this worker owns

    def take_over(self, committed: Commitments) -> None:
        """Makes these partitions the assigned ones.

        A partition is kept if its committed offset is still the one that we committed last. Otherwise another worker
        owned it in a generation that we missed: it is lost, and begun anew if it is assigned.

        Args:
            committed: the group's committed offset of every assigned partition.
        """
        self._counts = {topic: len(self._consumer.partitions_for_topic(topic) or ()) for topic in self._sources}
        for partition, owned in [*self._owned.items()]:
            found = committed.get(partition)
            if found is not None and found in (owned.committed, owned.tried):
                owned.committed = found
            else:
                self._owned.pop(partition).lose()
        broken = []
        for partition, commitment in committed.items():
            kept = self._owned.get(partition)
            if kept is None:
                kept, problem = OwnedPartition.from_commitment(self.source(partition), commitment)
                self._owned[partition] = kept
                broken += [f"{partition.topic}/{partition.partition}: {problem}"] if problem else []
            if kept.tracker is not None:
                self._consumer.seek(partition, kept.tracker.position)
        if broken:
            _log.warning("offset_map_unreadable", partitions=broken, detail="the jobs done above are done again")
