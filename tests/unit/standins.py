"""Stand-ins for aiokafka's consumer and admin client, as far as their behaviour was read in aiokafka 0.14.0."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError
from aiokafka.structs import OffsetAndMetadata
from prometheus_client import CollectorRegistry

from schemas.enums import Lane
from worker.kafka.client.committed_offsets import NOTHING
from worker.kafka.client.topics import Source
from worker.kafka.consumer.assignment import AssignedPartitions
from worker.kafka.consumer.lag import LagMonitor
from worker.kafka.consumer.rebalance import RebalanceListener
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics

DIALOGUE = TopicPartition("tts.dialogue", 0)
BATCH = TopicPartition("tts.batch", 0)
BATCH_1 = TopicPartition("tts.batch", 1)
RETRY = TopicPartition("tts.retry.batch.10s", 0)
SOURCES = {
    "tts.dialogue": Source(Lane.DIALOGUE),
    "tts.batch": Source(Lane.BATCH),
    "tts.retry.batch.10s": Source(Lane.BATCH, "10s"),
}


PARTITIONS_OF = {"tts.dialogue": {0}, "tts.batch": {0, 1, 2}, "tts.retry.batch.10s": {0}}


@dataclass
class Time:
    """A clock that goes when it is told to; `at` is in seconds since 1970."""

    at: float = 1_800_000_000.0

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.at, now=lambda: datetime.fromtimestamp(self.at, UTC))

    @property
    def ms(self) -> int:
        return int(self.at * 1000)


@dataclass
class Raw:
    """A record as the consumer gives it; `readable` is False where a header's name isn't UTF-8."""

    topic: str
    partition: int
    offset: int
    timestamp: int = 0
    headers: tuple[Any, ...] = ()
    key: bytes | None = None
    value: bytes | None = b"{}"
    readable: bool = True


@dataclass
class Consumer:
    """Logs by partition, where each is read, and what was called."""

    logs: dict[TopicPartition, list[Raw]] = field(default_factory=dict)
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    paused_ones: set[TopicPartition] = field(default_factory=set)
    requested: list[tuple[tuple[TopicPartition, ...], int, int | None]] = field(default_factory=list)
    idle_waits: int = 0

    def write(self, partition: TopicPartition, *offsets: int, **changes: Any) -> None:
        log = self.logs.setdefault(partition, [])
        log += [Raw(partition.topic, partition.partition, offset, **changes) for offset in offsets]

    def assign(self, *partitions: TopicPartition) -> None:
        """What aiokafka does before it calls the listener."""
        self.positions = {
            p: self.positions.get(p, min((r.offset for r in self.logs.get(p, [])), default=0)) for p in partitions
        }

    def assignment(self) -> set[TopicPartition]:
        return set(self.positions)

    def highwater(self, partition: TopicPartition) -> int | None:
        assert partition in self.positions
        # A log may end with offsets that hold no record.
        return max((raw.offset + 1 for raw in self.logs.get(partition, [])), default=self.positions[partition])

    async def position(self, partition: TopicPartition) -> int:
        if partition not in self.positions:
            raise IllegalStateError(f"{partition} is not assigned")
        return self.positions[partition]

    def seek(self, partition: TopicPartition, offset: int) -> None:
        if partition not in self.positions:
            raise IllegalStateError(f"{partition} is not assigned")
        self.positions[partition] = offset

    async def seek_to_beginning(self, *partitions: TopicPartition) -> None:
        assert partitions
        for partition in partitions:
            self.seek(partition, min((raw.offset for raw in self.logs.get(partition, [])), default=0))

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """As the cluster's metadata tell it: all that anybody may be assigned."""
        return PARTITIONS_OF.get(topic)

    def pause(self, *partitions: TopicPartition) -> None:
        self.paused_ones |= set(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        self.paused_ones -= set(partitions)

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int | None = None
    ) -> dict[TopicPartition, list[Raw]]:
        """Of all partitions when none is named; what was drained of others is gone when a record can't be decoded."""
        assert max_records is None or max_records > 0
        self.requested.append((partitions, timeout_ms, max_records))
        drained: dict[TopicPartition, list[Raw]] = {}
        room = 10**9 if max_records is None else max_records
        for partition, position in [*self.positions.items()]:
            if (partitions and partition not in partitions) or partition in self.paused_ones or room == 0:
                continue
            taken = [raw for raw in self.logs.get(partition, []) if raw.offset >= position][:room]
            if not all(raw.readable for raw in taken):
                raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
            if taken:
                drained[partition] = taken
                room -= len(taken)
                self.positions[partition] = taken[-1].offset + 1
        self.idle_waits += not drained and timeout_ms > 0
        return drained


class Committed:
    """A group's commits, as another reads them."""

    def __init__(self) -> None:
        self.of_group: dict[TopicPartition, OffsetAndMetadata] = {}

    async def fetch(self, partitions: set[TopicPartition]) -> dict[TopicPartition, OffsetAndMetadata]:
        return {partition: self.of_group.get(partition, NOTHING) for partition in partitions}


class Listener:
    """Records its calls, and each share with which it is called."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.shares: list[float] = []

    def hand_over_began(self) -> None:
        self.calls.append("hand-over began")

    def hand_over_ended(self) -> None:
        self.calls.append("hand-over ended")

    def share_changed(self, share: float) -> None:
        self.shares.append(share)

    def assigned(self) -> None:
        self.calls.append("assigned")


class Member:
    """A worker's partitions with the stand-ins that it works on; what is done is committed at a hand-over."""

    def __init__(self, group: Committed | None = None, revoke_wait_s: float = 0.01) -> None:
        self.consumer = Consumer()
        self.group = group or Committed()
        self.metrics = Metrics(CollectorRegistry(), ["pip_boy"])
        self.listener = Listener()
        self.partitions = AssignedPartitions(self.consumer, SOURCES)
        self.revoke_wait_s = revoke_wait_s
        self.rebalances = self.listen(self)

    def listen(self, delivery: Any) -> RebalanceListener:
        """A rebalance listener that commits with a delivery's `finish` at a hand-over."""
        offsets: Any = self.group
        return RebalanceListener(
            consumer=self.consumer,
            partitions=self.partitions,
            offsets=offsets,
            sources=SOURCES,
            delivery=delivery,
            listener=self.listener,
            revoke_wait_s=self.revoke_wait_s,
            session_timeout_s=5.0,
        )

    async def assign(self, *partitions: TopicPartition) -> None:
        """A whole rebalance: all is revoked, then these are assigned."""
        await self.rebalances.on_partitions_revoked(self.consumer.assignment())
        self.consumer.assign(*partitions)
        await self.rebalances.on_partitions_assigned(set(partitions))

    def measure(self, now_ms: float) -> None:
        """Measures lag and age once."""
        LagMonitor(self.consumer, self.partitions, self.metrics, Time(now_ms / 1000).clock).measure()

    async def before_take_over(self) -> None:
        pass

    async def finish(self) -> None:
        commitments = await self.partitions.commitments()
        self.group.of_group |= commitments
        self.partitions.committed(commitments)

    def gauge(self, name: str, lane: Lane) -> float | None:
        return self.metrics.registry.get_sample_value(name, {"lane": lane.value})
