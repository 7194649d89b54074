"""One partition that this worker owns, and what its topic holds."""

from collections.abc import Callable
from dataclasses import dataclass, field

from aiokafka.structs import OffsetAndMetadata

from schemas.words import Lane
from worker.kafka.consumer.committed_offsets import NOTHING
from worker.kafka.consumer.offset_tracker import OffsetTracker


@dataclass(frozen=True)
class Source:
    """What a topic of ours holds: a lane's jobs, those of a retry topic after a `delay`."""

    lane: Lane
    delay: str | None = None


@dataclass(eq=False)
class OwnedPartition:
    """One partition of ours. Once it is `lost`, another worker does its jobs and our outcomes are dropped.

    `tried` is the last commitment that was sent: Kafka may have taken it though its answer was lost. `working` is how
    many jobs are at work; `waiting` ends those of them that wait for quota, or for another job's take, for their calls
    would be paid twice: the waits of one job end it by the same callable.
    """

    source: Source
    tracker: OffsetTracker | None = None
    committed: OffsetAndMetadata = NOTHING
    tried: OffsetAndMetadata = NOTHING
    not_before_ms: float = 0.0
    lost: bool = False
    working: int = 0
    waiting: dict[object, Callable[[], object]] = field(default_factory=dict)

    @property
    def busy(self) -> bool:
        """Whether a job is at work that isn't among those that wait."""
        return self.working > len(set(self.waiting.values()))

    def lose(self) -> None:
        """Another worker does its jobs from now on."""
        self.lost = True
        for cancel in self.waiting.values():
            cancel()
