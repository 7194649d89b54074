"""The one owner of aiokafka's producer: the part of its interface that is used, typed, and who opens it."""

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from schemas.topics import LANE_RECORD_BYTES
from worker.config.sections import KafkaSettings
from worker.kafka.client.connection import connection_options, return_to_bootstrap
from worker.lifecycle.stop_client import stop_client

# A dead letter may be twice a lane's record, and its batch has some bytes of its own.
LARGEST_REQUEST: Final = 2 * LANE_RECORD_BYTES + 2**20


class SentRecord(Protocol):
    """Where Kafka has put a record."""

    @property
    def partition(self) -> int:
        """The record's partition."""

    @property
    def offset(self) -> int:
        """The record's offset in the partition."""


class Acknowledgement(Awaitable[SentRecord], Protocol):
    """Ends with Kafka's answer to one record: a `asyncio.Future`."""

    def add_done_callback(self, callback: Any, /) -> None:
        """Calls back with itself when it is done."""


class Producer(Protocol):
    """A started producer."""

    async def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int | None = None,
        *,
        headers: Sequence[tuple[str, bytes]] | None = None,
    ) -> Acknowledgement:
        """Puts a record into the next batch; the returned future ends with Kafka's acknowledgement.

        Raises:
            MessageSizeTooLargeError: the record is larger than a request may be.
            KafkaError: Kafka can't be reached.
        """

    async def send_and_wait(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int | None = None,
        *,
        headers: Sequence[tuple[str, bytes]] | None = None,
    ) -> SentRecord:
        """Sends a record and waits until Kafka has acknowledged it.

        Raises:
            KafkaError: Kafka can't be reached, or refuses.
        """

    def transaction(self) -> AbstractAsyncContextManager[object]:
        """A transaction: committed at the end of the context, aborted if it raises."""

    async def begin_transaction(self) -> None:
        """Begins a transaction."""

    async def send_offsets_to_transaction(
        self, offsets: Mapping[TopicPartition, OffsetAndMetadata], group_id: str
    ) -> None:
        """Commits a group's offsets with the transaction. The commit carries no generation of the group."""

    async def commit_transaction(self) -> None:
        """Ends the transaction. Returns before its markers are written: offsets in it may not be readable yet."""


@asynccontextmanager
async def connect_producer(
    settings: KafkaSettings, transactional_id: str | None = None, transaction_timeout_s: float = 60.0
) -> AsyncIterator[Producer]:
    """A started producer; its records may be as large as a dead letter.

    Args:
        transactional_id: of a producer of transactions; without one it is idempotent if the settings say so.
        transaction_timeout_s: Kafka aborts a transaction after so many seconds if its producer died.

    Raises:
        KafkaConnectionError: Kafka can't be reached.
    """
    async with _started(
        settings,
        enable_idempotence=settings.idempotence or transactional_id is not None,
        transactional_id=transactional_id,
        transaction_timeout_ms=int(transaction_timeout_s * 1000),
        acks="all",
        max_request_size=LARGEST_REQUEST,
    ) as producer:
        yield producer


@asynccontextmanager
async def connect_stream_producer(settings: KafkaSettings) -> AsyncIterator[Producer]:
    """A started producer of audio that somebody listens to: its records wait for no replicas.

    It is not idempotent: a record that is lost with a broker isn't worth a producer that must be replaced.

    Raises:
        KafkaConnectionError: Kafka can't be reached.
    """
    async with _started(settings, enable_idempotence=False, acks=1) as producer:
        yield producer


@asynccontextmanager
async def _started(settings: KafkaSettings, **options: Any) -> AsyncIterator[Producer]:
    producer = AIOKafkaProducer(**connection_options(settings), **options)
    return_to_bootstrap(producer.client, settings)
    try:
        await producer.start()
        yield producer
    finally:
        await stop_client("producer", producer.stop)
