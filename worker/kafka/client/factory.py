"""Opens and closes the clients of Kafka: producer, consumer, admin."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from schemas.topics import LANE_RECORD_BYTES
from worker.config.sections import KafkaSettings
from worker.lifecycle.stop_client import stop_client

# A dead letter may be twice a lane's record, and its batch has some bytes of its own.
LARGEST_REQUEST: Final = 2 * LANE_RECORD_BYTES + 2**20
# A partition's jobs wait in Kafka, not in memory; a record that is larger comes all the same (KIP-74).
_PREFETCH_BYTES: Final = 2**16
_UNTAKEN_S: Final = 0.005
# A partition that was taken from too late for the fetch under way is asked for with the next.
_FETCH_WAIT_MS: Final = 100


@asynccontextmanager
async def connect_producer(
    settings: KafkaSettings, transactional_id: str | None = None, transaction_timeout_s: float = 60.0
) -> AsyncIterator[Any]:
    """A started producer; its records may be as large as a dead letter.

    Args:
        settings: of the cluster.
        transactional_id: of a producer of transactions; without one it is idempotent if the settings say so.
        transaction_timeout_s: after so many seconds Kafka aborts a transaction whose producer died.

    Raises:
        KafkaConnectionError: Kafka can't be reached.
    """
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap_servers,
        enable_idempotence=settings.idempotence or transactional_id is not None,
        transactional_id=transactional_id,
        transaction_timeout_ms=int(transaction_timeout_s * 1000),
        acks="all",
        max_request_size=LARGEST_REQUEST,
    )
    try:
        await producer.start()
        yield producer
    finally:
        await stop_client("producer", producer.stop)


@asynccontextmanager
async def connect_admin(settings: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    """A started admin client.

    Raises:
        KafkaConnectionError: Kafka can't be reached.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap_servers)
    try:
        await admin.start()
        yield admin
    finally:
        await stop_client("admin client", admin.close)


@asynccontextmanager
async def consumer_alone(settings: KafkaSettings, name: str, **options: Any) -> AsyncIterator[Any]:
    """A consumer without a group, of what is committed, neither started nor assigned; it is stopped at the end.

    Args:
        settings: of the cluster.
        name: how the log calls it.
        options: of aiokafka's consumer, beside these.
    """
    consumer: Any = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        **options,
    )
    try:
        yield consumer
    finally:
        await stop_client(name, consumer.stop)
        # They live on, with a watch over the cluster, where the stop ends in the middle.
        await stop_client(f"{name}'s connections", consumer._client.close)  # noqa: SLF001


class LanesConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka has no types
    """A consumer whose partitions don't wait for each other.

    aiokafka fetches nothing from a broker for 100 ms while records of one of its partitions are there that nobody has
    taken: with a batch backlog and no slot for it that is always so, and dialogue jobs would wait. 5 ms are enough for
    records that are waited for to be taken, so that the next fetch asks for their partition too.
    """

    async def start(self) -> None:
        """As aiokafka's."""
        await super().start()
        self._fetcher._prefetch_backoff = _UNTAKEN_S  # noqa: SLF001


def consumer_of(settings: KafkaSettings) -> Any:
    """A consumer of the lanes, not started and not subscribed."""
    return LanesConsumer(
        bootstrap_servers=settings.bootstrap_servers,
        group_id=settings.group_id,
        group_instance_id=settings.group_instance_id,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        session_timeout_ms=int(settings.session_timeout_s * 1000),
        rebalance_timeout_ms=int((settings.session_timeout_s + settings.revoke_wait_s) * 1000),
        heartbeat_interval_ms=int(settings.heartbeat_interval_s * 1000),
        max_poll_interval_ms=int(settings.max_poll_interval_s * 1000),
        max_partition_fetch_bytes=_PREFETCH_BYTES,
        fetch_max_wait_ms=_FETCH_WAIT_MS,
    )
