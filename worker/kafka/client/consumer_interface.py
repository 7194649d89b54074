"""The part of aiokafka's consumer that may be used, typed: standing alone, or as a member of a group.

`AIOKafkaConsumer.committed` isn't part of it: while the group's coordinator moves, aiokafka takes Kafka's error for
"nothing was committed". `CommittedOffsets` reads committed offsets instead.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata, OffsetAndTimestamp


class ReceivedRecord(Protocol):
    """A record as aiokafka returns it."""

    @property
    def topic(self) -> str:
        """As the cluster calls it."""

    @property
    def partition(self) -> int:
        """Its partition in the topic."""

    @property
    def offset(self) -> int:
        """Its offset in the partition."""

    @property
    def key(self) -> bytes | None:
        """None if it was written without one."""

    @property
    def value(self) -> bytes | None:
        """None for a tombstone."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """In the order in which they were written; a name may come several times."""

    @property
    def timestamp(self) -> int:
        """In ms since 1970; -1 if it has none."""


class RebalanceCallbacks(Protocol):
    """aiokafka's `ConsumerRebalanceListener`."""

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Called before a rebalance, with the assignment so far."""

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Called after a rebalance, with the new assignment."""


class Consumer(Protocol):
    """A consumer without a group: its user assigns the partitions and sets the positions."""

    async def start(self) -> None:
        """Connects.

        Raises:
            KafkaConnectionError: Kafka can't be reached.
        """

    async def stop(self) -> None:
        """Leaves the group, if it is in one, and disconnects."""

    async def topics(self) -> set[str]:
        """The names of all topics, as one of the brokers answers."""

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """The topic's partitions, as the consumer's metadata know them; None for an unknown topic."""

    def assign(self, partitions: list[TopicPartition]) -> None:
        """Reads these partitions and no others."""

    def assignment(self) -> set[TopicPartition]:
        """The partitions that are read."""

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> Mapping[TopicPartition, Sequence[ReceivedRecord]]:
        """The next records of these partitions, or of all assigned ones if none is named.

        Raises:
            UnicodeDecodeError: a record has a header's name that isn't UTF-8. Records that were taken together with it
                are gone, though the positions have moved.
            CorruptRecordException, UnsupportedCodecError: a whole batch can't be read.
            NoOffsetForPartitionError, OffsetOutOfRangeError: the lanes' consumer has no position of a partition, or one
                that its log doesn't hold.
        """

    async def position(self, partition: TopicPartition) -> int:
        """The offset of the next record to be returned; looked up first if it isn't known.

        Raises:
            IllegalStateError: the partition isn't assigned.
        """

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Sets the position.

        Raises:
            IllegalStateError: the partition isn't assigned.
        """

    async def seek_to_beginning(self, *partitions: TopicPartition) -> bool:
        """Sets the positions of these partitions, or of all, to the first offset."""

    async def seek_to_end(self, *partitions: TopicPartition) -> bool:
        """Sets the positions of these partitions, or of all, to the end."""

    async def beginning_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Each partition's first offset."""

    async def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Each partition's end: the last stable offset, since the consumers read committed records only."""

    async def offsets_for_times(
        self, timestamps: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """Each partition's first offset at or after a time in ms since 1970; None if there is none."""

    def highwater(self, partition: TopicPartition) -> int | None:
        """The partition's end as of the last fetch; None before the first. The partition must be assigned."""

    def last_stable_offset(self, partition: TopicPartition) -> int | None:
        """The end of what was committed, as of the last fetch."""

    def last_poll_timestamp(self, partition: TopicPartition) -> int | None:
        """When the broker last answered a fetch, with records or without, in ms since 1970."""


class GroupConsumer(Consumer, Protocol):
    """A member of a consumer group: the group assigns the partitions."""

    def subscribe(self, topics: Collection[str] = (), *, listener: RebalanceCallbacks | None = None) -> None:
        """Joins the group for these topics, once it is started."""

    def pause(self, *partitions: TopicPartition) -> None:
        """Stops fetching these partitions. aiokafka throws away what it has fetched of them."""

    def resume(self, *partitions: TopicPartition) -> None:
        """Fetches these partitions again."""

    async def commit(self, offsets: Mapping[TopicPartition, int | OffsetAndMetadata]) -> None:
        """Commits these offsets.

        Raises:
            CommitFailedError: the group has rebalanced, or is about to.
            IllegalStateError: a partition isn't assigned any more.
            KafkaError: Kafka refuses, or doesn't answer.
        """

    @property
    def is_member(self) -> bool:
        """False as soon as Kafka answers that it doesn't know this member; no listener has been called by then."""
