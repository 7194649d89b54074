"""The partitions that this worker owns: what is in work in each, what may be committed, what was lost."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError
from aiokafka.structs import OffsetAndMetadata

from schemas.words import Lane
from worker.kafka.consumer.committed_offsets import NOTHING, Commitments, CommittedOffsets
from worker.kafka.consumer.offset_map import BrokenOffsetMapError, Range, decode, encode
from worker.kafka.consumer.offset_tracker import OffsetTracker
from worker.kafka.consumer.partition import OwnedPartition, Source
from worker.observability.metrics import Metrics

# aiokafka answers at once where it knows a position.
_POSITION_S: Final = 0.05
_log = structlog.get_logger(__name__)


class Partitions(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Follows the group's assignments.

    Args:
        consumer: an aiokafka consumer that this is the rebalance listener of.
        offsets: the group's committed ones.
        sources: what each topic holds.
        revoke_wait_s: how long a rebalance waits at most for jobs in work, but not for those that are `waiting`; all
            workers of the group wait with it.
        session_timeout_s: how long a hand-over may take after that; the rebalance goes on without us then.
        metrics: told of lag and age.
    """

    def __init__(
        self,
        consumer: Any,
        offsets: CommittedOffsets,
        sources: dict[str, Source],
        *,
        revoke_wait_s: float,
        session_timeout_s: float,
        metrics: Metrics,
    ) -> None:
        self._consumer = consumer
        self._offsets = offsets
        self._sources = sources
        self._revoke_wait_s = revoke_wait_s
        self._session_timeout_s = session_timeout_s
        self._metrics = metrics
        self._owned: dict[TopicPartition, OwnedPartition] = {}
        self._progress = asyncio.Event()
        self.failure: Exception | None = None
        """What the listener met: aiokafka logs it and goes on, so whoever commits next raises it."""
        self.assigned = asyncio.Event()
        self.settled = asyncio.Event()
        """Set while it is known which partitions are ours: not between a revocation and the next assignment."""
        self.hand_over: Callable[[], Awaitable[None]] | None = None
        """Publishes and commits what is done, before others may own it; set by who commits."""
        self.hand_over_began: Callable[[], None] | None = None
        """Told when partitions may become others': whoever waits would be granted what others may do."""
        self.hand_over_ended: Callable[[], None] | None = None
        """Told when it is known again, and who waits for what is lost was ended."""
        self.share_changed: Callable[[float], None] | None = None
        """Told at each assignment what share of all partitions is ours, 0 to 1."""

    def source(self, partition: TopicPartition) -> Source:
        """What a partition holds."""
        return self._sources[partition.topic]

    def takeable(self, allowed: Callable[[Source], bool], room: int, now_ms: float) -> list[TopicPartition]:
        """The partitions of the allowed sources from which so many records more may be taken.

        Left out are those whose offset map might not hold them, and retry topics whose first record isn't due.
        """
        return [
            partition
            for partition, owned in self._owned.items()
            if allowed(owned.source)
            and owned.not_before_ms <= now_ms
            and (owned.tracker is None or owned.tracker.may_take(room))
        ]

    def next_due_ms(self, now_ms: float) -> float | None:
        """When the next retry record is due that is waited for, None with none."""
        return min((o.not_before_ms for o in self._owned.values() if o.not_before_ms > now_ms), default=None)

    def defer(self, partition: TopicPartition, offset: int, due_ms: float) -> None:
        """Puts a retry partition back to a record that isn't due, and takes nothing from it before."""
        self._consumer.seek(partition, offset)
        self.hold(partition, due_ms)

    def hold(self, partition: TopicPartition, until_ms: float) -> None:
        """Takes nothing from a partition before a time, in ms since 1970."""
        self._owned[partition].not_before_ms = until_ms

    def received(self, partition: TopicPartition, offset: int, timestamp_ms: int) -> OwnedPartition | None:
        """Notes a record that came.

        Returns:
            The partition that its job belongs to; None where it was done before a restart.
        """
        owned = self._owned[partition]
        if owned.tracker is not None and offset < owned.tracker.position:
            # The log was cut behind our back: the topic was made anew, or an unclean leader lost its end.
            _log.error("offsets_went_back", topic=partition.topic, partition=partition.partition, offset=offset)
            owned.lose()
            owned = self._owned[partition] = OwnedPartition(owned.source)
        if owned.tracker is None:
            owned.tracker = OffsetTracker(offset)
        return owned if owned.tracker.received(offset, timestamp_ms) else None

    async def rewind(self, partitions: Iterable[TopicPartition]) -> None:
        """Puts these partitions of ours back to the record after the last that was received."""
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

    def done(self, owned: OwnedPartition, offset: int) -> None:
        """Notes that a record's outcome is acknowledged."""
        if owned.tracker is not None:
            owned.tracker.done(offset)
        self._progress.set()

    @contextmanager
    def working(self, owned: OwnedPartition) -> Iterator[None]:
        """A job's work, until its outcome is acknowledged or it is given up: a hand-over waits for it a little."""
        owned.working += 1
        try:
            yield
        finally:
            owned.working -= 1
            self._progress.set()

    @contextmanager
    def waiting(self, owned: OwnedPartition, cancel: Callable[[], object]) -> Iterator[None]:
        """A job's wait for quota or another job's take, which no hand-over waits for; `cancel` ends a lost one."""
        wait = object()
        owned.waiting[wait] = cancel
        self._progress.set()
        try:
            yield
        finally:
            del owned.waiting[wait]

    async def commitments(self) -> Commitments:
        """What of each partition is done and isn't committed yet, with the map of what is done above it."""
        found = {}
        # A copy: an assignment may come in between.
        for partition, owned in [*self._owned.items()]:
            if owned.tracker is None:
                continue
            offset = await self._committable(partition, owned.tracker)
            # Records may be gone that the map tells of: the topic's retention doesn't wait for a slow job.
            above = [(max(start, offset), end) for start, end in owned.tracker.done_above if end > offset]
            commitment = OffsetAndMetadata(offset, encode(offset, above))
            # What was lost and came back meanwhile is another's count.
            if commitment != owned.committed and self._owned.get(partition) is owned:
                found[partition] = owned.tried = commitment
        return found

    def committed(self, commitments: Commitments) -> None:
        """Notes what Kafka has taken."""
        for partition, commitment in commitments.items():
            if partition in self._owned:
                self._owned[partition].committed = commitment

    def last_committed(self) -> Commitments:
        """What was last committed of each partition, without those of which nothing was."""
        return {p: owned.committed for p, owned in self._owned.items() if owned.committed != NOTHING}

    async def _committable(self, partition: TopicPartition, tracker: OffsetTracker) -> int:
        try:
            high = self._consumer.highwater(partition) if partition in self._consumer.assignment() else None
            if tracker.outstanding or high is None or high <= tracker.position:
                return tracker.committable
            # Offsets have gaps: what lies between the last record and the position is no job.
            async with asyncio.timeout(_POSITION_S):
                position: int = await self._consumer.position(partition)
        except (IllegalStateError, TimeoutError):
            # A rebalance is under way, or aiokafka asks where the log begins now.
            return tracker.committable
        # Meanwhile a record may have come.
        return tracker.committable if tracker.outstanding else max(tracker.committable, position)

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
                done = max(owned.committed.offset, tracker.committable if tracker else 0)
                lag[owned.source.lane] += max(0, high - done - (tracker.done_above_count if tracker else 0))
            if tracker is not None and tracker.oldest_timestamp_ms is not None:
                oldest[owned.source.lane] = min(oldest[owned.source.lane], tracker.oldest_timestamp_ms)
        for lane in Lane:
            self._metrics.lag.labels(lane).set(lag[lane])
            self._metrics.oldest.labels(lane).set(max(0.0, (now_ms - oldest[lane]) / 1000))

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Waits a little for what is in work, then commits; the rest runs on, and may turn out to be kept."""
        if not revoked:
            return
        if self.hand_over_began is not None:
            self.hand_over_began()
            # Who was granted something right before it still counts as waiting.
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(self._revoke_wait_s):
                while any(owned.busy for owned in self._owned.values()):
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            _log.info("rebalance_with_jobs_in_work", waited_s=self._revoke_wait_s)
        # From here on nobody commits: the assignment compares what is committed with what we committed last.
        self.settled.clear()
        try:
            async with asyncio.timeout(self._session_timeout_s):
                if self.hand_over is not None:
                    await self.hand_over()
        except Exception as error:
            # Others may be at work on these partitions by now, and this worker doesn't know what it has committed.
            self.failure = error
            raise

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Goes on with what was kept, where it was; drops what was lost; skips what was done before a restart."""
        # aiokafka fetches while this runs: no record may come before its partition's place is known.
        self._consumer.pause(*assigned)
        # At once: the others go by their new shares too.
        self._tell_share(assigned)
        try:
            self._take_over(await self._offsets.of(assigned))
            self._consumer.resume(*assigned)
        except Exception as error:
            self.failure = error
            raise
        finally:
            self.settled.set()
            if self.hand_over_ended is not None:
                self.hand_over_ended()
        _log.info("assigned", partitions=sorted(f"{p.topic}/{p.partition}" for p in assigned))
        self.assigned.set()

    def _tell_share(self, assigned: set[TopicPartition]) -> None:
        # Those of the retries too: a worker that has no others must have something to do them with.
        partitions = sum(len(self._consumer.partitions_for_topic(topic) or ()) for topic in self._sources)
        if partitions and self.share_changed is not None:
            self.share_changed(len(assigned) / partitions)

    def _take_over(self, committed: Commitments) -> None:
        for partition, owned in [*self._owned.items()]:
            # Where somebody else committed since, it had another owner in a generation that we missed.
            found = committed.get(partition)
            if found is not None and found in (owned.committed, owned.tried):
                owned.committed = found
            else:
                self._owned.pop(partition).lose()
        broken = []
        for partition, commitment in committed.items():
            kept = self._owned.get(partition)
            if kept is None:
                kept = self._owned[partition] = OwnedPartition(self._sources[partition.topic], committed=commitment)
                if commitment != NOTHING:
                    done, problem = _done_above(commitment)
                    kept.tracker = OffsetTracker(commitment.offset, done)
                    broken += [f"{partition.topic}/{partition.partition}: {problem}"] if problem else []
            if kept.tracker is not None:
                self._consumer.seek(partition, kept.tracker.position)
        if broken:
            _log.warning("offset_map_unreadable", partitions=broken, detail="what was done above is done again")


def _done_above(commitment: OffsetAndMetadata) -> tuple[list[Range], str | None]:
    try:
        return decode(commitment.offset, commitment.metadata or ""), None
    except BrokenOffsetMapError as broken:
        return [], str(broken)
