"""Delivers exactly once: outcomes and the offsets of their jobs in one transaction, or neither."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from aiokafka.errors import (
    IllegalOperation,
    InvalidProducerEpoch,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
    RecordListTooLargeError,
)

from schemas.errors import UnavailableError
from worker.jobs.outcome import Outcome
from worker.kafka.client.committed_offsets import Commitments, CommittedOffsets
from worker.kafka.client.consumer import GroupConsumer
from worker.kafka.client.producer import Producer
from worker.kafka.consumer.assignment import AssignedPartitions
from worker.kafka.consumer.partition import OwnedPartition
from worker.kafka.consumer.record import Record
from worker.kafka.consumer.stall_detector import StallDetector
from worker.kafka.dead_letters.encoder import KEPT_BYTES, DeadLetterRecord
from worker.kafka.delivery.outbox import OutcomeMessages
from worker.kafka.delivery.producer import RenewableProducer
from worker.kafka.delivery.sender import Message, RecordTooLargeError

_LOOK_S: Final = 1.0


class FencedError(UnavailableError):
    """The worker may not commit any more: the process must start anew."""


@dataclass(frozen=True)
class TransactionGrouping:
    """A transaction begins so long after the one before (seconds), or sooner when so many outcomes wait."""

    interval_s: float = 0.1
    count: int = 100


@dataclass(eq=False)
class _Waiting:
    record: Record
    owned: OwnedPartition
    outcome: Outcome
    messages: list[Message]
    small: bool = False
    delivered: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def size(self) -> int:
        return max((DeadLetterRecord(each.key, each.value, each.headers).size for each in self.messages), default=0)


class ExactlyOnce:
    """One transaction after the other; what ends during one goes into the next.

    Args:
        producing: a producer with this worker's transactional id. Its start ends what a killed predecessor left
            open, so it must be open before offsets are read.
        offsets: the group's committed ones.
        messages: writes outcomes down.
        group_id: the consumer group whose offsets are committed.
        grouping: when a transaction begins.
        stall_detector: reports whether this process stood still: Kafka checks no generation of offsets in transactions.
    """

    def __init__(
        self,
        producing: RenewableProducer,
        offsets: CommittedOffsets,
        messages: OutcomeMessages,
        consumer: GroupConsumer,
        partitions: AssignedPartitions,
        *,
        group_id: str,
        grouping: TransactionGrouping,
        stall_detector: StallDetector,
    ) -> None:
        self._stall_detector = stall_detector
        self._producing = producing
        self._offsets = offsets
        self._messages = messages
        self._group_id = group_id
        self._grouping = grouping
        self._consumer = consumer
        self._partitions = partitions
        self._waiting: list[_Waiting] = []
        self._more = asyncio.Event()
        self._many = asyncio.Event()
        self._transacting = asyncio.Lock()
        self._unsettled = False
        self._interrupted = False

    async def deliver(self, record: Record, owned: OwnedPartition, outcome: Outcome) -> None:
        """Returns once outcome and offset are committed, or the partition is lost."""
        waiting = _Waiting(record, owned, outcome, self._messages.build(record, outcome))
        self._waiting.append(waiting)
        self._more.set()
        if len(self._waiting) >= self._grouping.count:
            self._many.set()
        await waiting.delivered

    async def run(self) -> None:
        """Makes transactions until it is cancelled.

        Raises:
            FencedError: somebody else has this worker's transactional id, or may have its partitions.
            RecordTooLargeError: a topic refuses an outcome.
            Exception: what the rebalance listener met.
        """
        while True:
            await self._until_there_is_more()
            async with self._transacting:
                # Offsets in transactions carry no generation: between revocation and assignment nobody may commit.
                if self._partitions.settled.is_set():
                    await self._deliver_waiting()
            try:
                async with asyncio.timeout(self._grouping.interval_s):
                    await self._many.wait()
            except TimeoutError:
                pass

    async def _until_there_is_more(self) -> None:
        while True:
            if self._partitions.failure is not None:
                raise self._partitions.failure
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._more.wait()
                    await self._partitions.settled.wait()
            except TimeoutError:
                continue
            return

    async def finish(self) -> None:
        """Commits what waits, and returns only when the last transaction's offsets can be read by others.

        Kafka answers the end of a transaction before its markers are written, and aiokafka reads offsets without
        waiting for them. A further transaction of the same producer can't add offsets before they are.
        """
        async with self._transacting:
            if self._interrupted:
                # In a transaction: what it held is done again after the restart, or was committed with its offsets.
                return
            await self._deliver_waiting()
            known = self._partitions.last_committed()
            if self._unsettled and known:
                await self._until_committed([], known)
            self._unsettled = False

    async def _deliver_waiting(self) -> None:
        self._more.clear()
        self._many.clear()
        taken, self._waiting = self._waiting, []
        kept = [each for each in taken if not each.owned.lost]
        # Until it is committed, what is counted as done here may stand in no other transaction's offsets.
        self._interrupted = True
        for each in kept:
            self._partitions.done(each.owned, each.record.offset)
        commitments = await self._partitions.commitments()
        if kept or commitments:
            await self._until_committed(kept, commitments)
            self._partitions.committed(commitments)
            self._unsettled = True
        self._interrupted = False
        for each in taken:
            # A job that was cancelled meanwhile doesn't wait for it any more.
            if not each.delivered.done():
                each.delivered.set_result(None)

    async def _until_committed(self, entries: list[_Waiting], commitments: Commitments) -> None:
        while True:
            self._check_membership()
            producer = self._producing.producer
            try:
                await self._transact(producer, [m for each in entries for m in each.messages], commitments)
            except (ProducerFenced, InvalidProducerEpoch) as error:
                raise FencedError(
                    f"{type(error).__name__}: another process has this worker's KAFKA_GROUP_INSTANCE_ID, "
                    "or Kafka gave up a transaction that took over a minute"
                ) from error
            except (KafkaError, IllegalOperation, AssertionError) as error:
                if isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError):
                    self._make_small(entries, error)
                # aiokafka asserts its states. A new producer of the same transactional id ends what the old one left.
                await self._producing.renew(producer, error)
                # It may have been committed before the answer was lost.
                if commitments and await self._offsets.fetch(commitments) == commitments:
                    return
            else:
                self._producing.worked()
                return

    def _check_membership(self) -> None:
        still_s = self._stall_detector.stood_still_s
        if still_s is not None:
            raise FencedError(
                f"this process stood still for {still_s:.0f} s, about KAFKA_SESSION_TIMEOUT_S or longer: "
                "others may be at work on its partitions"
            )
        # aiokafka forgets its generation as soon as Kafka says that it doesn't know this member; the listener hears of
        # that as of any other rebalance.
        if not self._consumer.is_member:
            raise FencedError(
                "Kafka has counted this worker out of its group (KAFKA_SESSION_TIMEOUT_S): "
                "others may be at work on its partitions"
            )

    def _make_small(self, entries: list[_Waiting], error: KafkaError) -> None:
        """The largest first: Kafka doesn't say which record it refused."""
        large = [each for each in entries if not each.small and each.size > KEPT_BYTES]
        if not large:
            raise RecordTooLargeError(f"a topic refuses an outcome: {error}") from error
        largest = max(large, key=lambda each: each.size)
        largest.small = True
        largest.messages = self._messages.build(largest.record, largest.outcome, small=True)

    async def _transact(self, producer: Producer, messages: list[Message], commitments: Commitments) -> None:
        await producer.begin_transaction()
        sent = []
        for message in messages:
            future = await producer.send(message.topic, value=message.value, key=message.key, headers=message.headers)
            # Where a later step fails, nobody else asks how it ended.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
            sent.append(future)
        if commitments:
            await producer.send_offsets_to_transaction(commitments, self._group_id)
        await asyncio.gather(*sent)
        await producer.commit_transaction()
