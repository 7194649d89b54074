"""Opens aiokafka's consumers, as `consumer_interface` types them. aiokafka's private attributes are used here alone."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from worker.config.sections import KafkaSettings
from worker.kafka.client.connection import connection_options, return_to_bootstrap
from worker.kafka.client.consumer_interface import Consumer, GroupConsumer, ReceivedRecord
from worker.kafka.client.leave_group import leave_group
from worker.kafka.client.unfolding import bound_unfolding
from worker.lifecycle.stop_client import stop_client

PREFETCH_BYTES: Final = 2**16
"""Of a partition: its jobs wait in Kafka, not in memory. A record that is larger comes all the same (KIP-74)."""
# Of all partitions of a broker together: aiokafka would take 50 MiB from each.
_FETCH_BYTES: Final = 2**22
_UNTAKEN_S: Final = 0.005
# A partition whose records were taken too late for the fetch under way is fetched with the next one.
_FETCH_WAIT_MS: Final = 100

bound_unfolding()


class _GroupMember(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka has no types
    @property
    def is_member(self) -> bool:
        return bool(self._coordinator.generation >= 0)


class _LanesConsumer(_GroupMember):
    """A consumer whose partitions don't wait for each other.

    aiokafka takes from the partition that it fetched first, until nothing fetched of it is left: some hundred records,
    while those of the other partitions grow old. Here a partition that was taken from goes behind the others.

    While a partition has fetched records that nobody has taken, aiokafka fetches nothing from its broker for 100 ms.
    With a batch backlog and no slot for it that is always so, and dialogue jobs would wait. 5 ms are enough for records
    that are waited for to be taken, so that the next fetch includes their partition.
    """

    async def start(self) -> None:
        await super().start()
        self._fetcher._prefetch_backoff = _UNTAKEN_S  # noqa: SLF001

    leaves = False
    """Whether it leaves the group when it stops though its membership is static."""

    async def stop(self) -> None:
        # Without a group's membership there is nothing to leave.
        if self.leaves and self._group_instance_id is not None and self._coordinator is not None and self.is_member:
            await leave_group(self._coordinator, self._group_instance_id)
        await super().stop()

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> Mapping[TopicPartition, Sequence[ReceivedRecord]]:
        taken: Mapping[TopicPartition, Sequence[ReceivedRecord]] = await super().getmany(
            *partitions, timeout_ms=timeout_ms, max_records=max_records
        )
        fetched = self._fetcher._records  # noqa: SLF001
        for partition in taken:
            if partition in fetched:
                fetched.move_to_end(partition)
        return taken


@asynccontextmanager
async def standalone_consumer(settings: KafkaSettings, name: str, **options: Any) -> AsyncIterator[Consumer]:
    """A consumer without a group that reads committed records; it is neither started nor assigned.

    Args:
        name: how the log calls it.
        options: further ones of `AIOKafkaConsumer`.
    """
    consumer = AIOKafkaConsumer(
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        **connection_options(settings),
        **options,
    )
    return_to_bootstrap(consumer._client, settings)  # noqa: SLF001
    try:
        yield consumer
    finally:
        await stop_client(name, consumer.stop)
        # If the stop ends half-way, the connections live on, and the task that refreshes the cluster's metadata.
        await stop_client(f"{name}'s connections", consumer._client.close)  # noqa: SLF001


def lanes_consumer(settings: KafkaSettings) -> GroupConsumer:
    """A worker's member of the group that consumes the lanes; it is neither started nor subscribed."""
    consumer = _LanesConsumer(
        **connection_options(settings),
        group_id=settings.group_id,
        group_instance_id=settings.group_instance_id,
        enable_auto_commit=False,
        # A position that the log doesn't hold is an error: aiokafka would skip what was lost without a word.
        auto_offset_reset="none",
        isolation_level="read_committed",
        session_timeout_ms=int(settings.session_timeout_s * 1000),
        rebalance_timeout_ms=int((settings.session_timeout_s + settings.revoke_wait_s) * 1000),
        heartbeat_interval_ms=int(settings.heartbeat_interval_s * 1000),
        max_poll_interval_ms=int(settings.max_poll_interval_s * 1000),
        max_partition_fetch_bytes=PREFETCH_BYTES,
        fetch_max_bytes=_FETCH_BYTES,
        fetch_max_wait_ms=_FETCH_WAIT_MS,
    )
    consumer.leaves = settings.leave_at_stop
    return _member(consumer, settings)


def election_consumer(
    settings: KafkaSettings, group_id: str, *, session_timeout_s: float, max_poll_interval_s: float
) -> GroupConsumer:
    """A member of a group that elects a leader by who is assigned a topic's only partition.

    It isn't started, nor subscribed. Without a committed offset it begins at the topic's end.
    """
    consumer = _GroupMember(
        **connection_options(settings),
        group_id=group_id,
        enable_auto_commit=False,
        auto_offset_reset="latest",
        isolation_level="read_committed",
        session_timeout_ms=int(session_timeout_s * 1000),
        heartbeat_interval_ms=int(session_timeout_s * 100),
        max_poll_interval_ms=int(max_poll_interval_s * 1000),
    )
    return _member(consumer, settings)


def _member(consumer: _GroupMember, settings: KafkaSettings) -> GroupConsumer:
    return_to_bootstrap(consumer._client, settings)  # noqa: SLF001
    member: GroupConsumer = consumer
    return member
