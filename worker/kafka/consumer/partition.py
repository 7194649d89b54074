"""One partition that this worker owns, and what its topic holds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from aiokafka.structs import OffsetAndMetadata

from worker.kafka.client.committed_offsets import NOTHING
from worker.kafka.client.topics import Source
from worker.kafka.consumer.offset_map import BrokenOffsetMapError, decode, encode
from worker.kafka.consumer.offset_tracker import OffsetTracker
from worker.kafka.consumer.retry_wait import RetryWait


@dataclass(eq=False)
class OwnedPartition:
    """A partition owned by this worker. Once it is `lost`, another worker runs its jobs, and our outcomes are dropped.

    Attributes:
        tracker: None until the first record, if nothing was committed before.
        committed: the last commit that Kafka has acknowledged.
        tried: the last commit that was sent. Kafka may have stored it even if its response was lost.
        not_before_s: no record is read before this time, by the monotonic clock.
        retry_wait: of the next record, where the topic is one of retries.
        working: the number of running jobs, waiting ones included.
        waiting: each wait for quota or for another job's take, with the callable that cancels its job. A lost
            partition's waiting jobs are cancelled, before they make calls that the other worker makes too. All waits
            of one job have the same callable.
    """

    source: Source
    tracker: OffsetTracker | None = None
    committed: OffsetAndMetadata = NOTHING
    tried: OffsetAndMetadata = NOTHING
    not_before_s: float = 0.0
    retry_wait: RetryWait = field(default_factory=RetryWait)
    lost: bool = False
    working: int = 0
    waiting: dict[object, Callable[[], object]] = field(default_factory=dict)

    @classmethod
    def from_commitment(cls, source: Source, commitment: OffsetAndMetadata) -> tuple[Self, str | None]:
        """Restores a partition from a commit; also returns why its offset map is unreadable, or None."""
        if commitment == NOTHING:
            return cls(source), None
        try:
            done, problem = decode(commitment.offset, commitment.metadata or ""), None
        except BrokenOffsetMapError as broken:
            done, problem = [], str(broken)
        return cls(source, OffsetTracker(commitment.offset, done), committed=commitment), problem

    @property
    def busy(self) -> bool:
        """Whether any job is running rather than waiting."""
        return self.working > len(set(self.waiting.values()))

    def commitment(self, offset: int) -> OffsetAndMetadata:
        """The commit of everything below `offset`, with the map of the offsets done above it."""
        done = self.tracker.done_above if self.tracker is not None else []
        # The map may name deleted records: the topic's retention doesn't wait for a slow job.
        return OffsetAndMetadata(
            offset, encode(offset, [(max(start, offset), end) for start, end in done if end > offset])
        )

    def lose(self) -> None:
        """Marks the partition as owned by another worker, and cancels its waiting jobs."""
        self.lost = True
        for cancel in self.waiting.values():
            cancel()
