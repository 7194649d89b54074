"""Exactly-once delivery: outcomes and their jobs' offsets in one Kafka transaction, with fencing of old workers."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from aiokafka.errors import (
    IllegalOperation,
    InvalidProducerEpoch,
    KafkaError,
    ProducerFenced,
)

from schemas.errors import UnavailableError
from worker.jobs.outcome import Outcome
from worker.kafka.client.committed_offsets import Commitments, CommittedOffsets
from worker.kafka.client.consumer_interface import GroupConsumer
from worker.kafka.client.producer import Acknowledgement, Producer
from worker.kafka.consumer.assignment import AssignedPartitions
from worker.kafka.consumer.partition import OwnedPartition
from worker.kafka.consumer.record import Record
from worker.kafka.consumer.stall_detector import StallDetector
from worker.kafka.delivery.abandoned_transactions import AbandonedTransactions
from worker.kafka.delivery.cut import WHOLE, Cut
from worker.kafka.delivery.outbox import OutcomeMessages, log_refusal
from worker.kafka.delivery.renewable_producer import RenewableProducer
from worker.kafka.delivery.sender import TOO_LARGE, Message
from worker.observability.tracing.tracer import NO_TRACER, Publishing, Tracer

_LOOK_S: Final = 1.0


class FencedError(UnavailableError):
    """This worker is fenced: it may not commit any more, and its process must restart."""


@dataclass(frozen=True)
class TransactionGrouping:
    """A transaction begins `interval_s` seconds after the last one, or as soon as `count` outcomes wait."""

    interval_s: float = 0.1
    count: int = 100


@dataclass(eq=False)
class _Waiting:
    record: Record
    owned: OwnedPartition
    outcome: Outcome
    messages: list[Message]
    publishing: Publishing
    cut: Cut = WHOLE
    delivered: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class ExactlyOnce:
    """Runs one transaction at a time. Outcomes that arrive during one go into the next.

    Args:
        producing: a producer with this worker's transactional id. Its start aborts a transaction that a killed
            predecessor left open, so it must start before offsets are read.
        abandoned: what dead workers have left open.
        stall_detector: needed because Kafka doesn't check the group generation of offsets in transactions.
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
        abandoned: AbandonedTransactions,
        stall_detector: StallDetector,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._tracer = tracer
        self._stall_detector = stall_detector
        self._producing = producing
        self._offsets = offsets
        self._messages = messages
        self._group_id = group_id
        self._grouping = grouping
        self._abandoned = abandoned
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
        with self._tracer.publish() as publishing:
            messages = self._messages.build(record, outcome, publishing=publishing)
            waiting = _Waiting(record, owned, outcome, messages, publishing)
            self._waiting.append(waiting)
            self._more.set()
            if len(self._waiting) >= self._grouping.count:
                self._many.set()
            await waiting.delivered

    async def run(self) -> None:
        """Runs transactions until it is cancelled.

        Raises:
            FencedError: another process has this worker's transactional id, or may own its partitions.
            Exception: the rebalance listener's failure.
        """
        while True:
            await self._until_there_is_more()
            async with self._transacting:
                # Offsets in transactions carry no generation: no commit is allowed between revocation and assignment.
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
        """Commits waiting outcomes, and returns once other members can read the last transaction's offsets.

        Kafka acknowledges the end of a transaction before it writes the markers, and aiokafka reads offsets without
        waiting for them. Another transaction of the same producer can't add offsets before they are written.
        """
        async with self._transacting:
            if self._interrupted:
                # Interrupted in a transaction: it was committed with its offsets, or its jobs are repeated later.
                return
            await self._deliver_waiting()
            known = self._partitions.last_committed()
            if self._unsettled and known:
                await self._until_committed([], known)
            self._unsettled = False

    async def before_take_over(self) -> None:
        """Ends what dead workers have left open."""
        await self._abandoned.end()

    async def _deliver_waiting(self) -> None:
        self._more.clear()
        self._many.clear()
        taken, self._waiting = self._waiting, []
        kept = [each for each in taken if not each.owned.lost]
        # Until this transaction is committed, no other transaction's offsets may include the records marked done here.
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
            # A job that was cancelled meanwhile no longer waits for its delivery.
            if not each.delivered.done():
                each.delivered.set_result(None)

    async def _until_committed(self, entries: list[_Waiting], commitments: Commitments) -> None:
        is_refused = False
        while True:
            self._check_membership()
            producer = self._producing.producer
            try:
                # A topic refuses a whole batch. Sent one by one, the record that it refuses is known.
                await self._transact(producer, entries, commitments, one_by_one=is_refused)
            except (ProducerFenced, InvalidProducerEpoch) as error:
                raise FencedError(
                    f"{type(error).__name__}: another process has this worker's KAFKA_GROUP_INSTANCE_ID, "
                    "or Kafka gave up a transaction that took over a minute"
                ) from error
            except (KafkaError, IllegalOperation, AssertionError) as error:
                is_refused = is_refused or isinstance(error, TOO_LARGE)
                # aiokafka asserts its states. A new producer of this transactional id aborts the old one's transaction.
                await self._producing.renew(producer, error)
                # The transaction may have been committed although the response was lost.
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
                "other workers may own its partitions"
            )
        # aiokafka drops its generation as soon as Kafka answers that this member is unknown; the listener sees that as
        # any other rebalance.
        if not self._consumer.is_member:
            raise FencedError(
                "Kafka has removed this worker from its group (KAFKA_SESSION_TIMEOUT_S): "
                "other workers may own its partitions"
            )

    async def _transact(
        self, producer: Producer, entries: list[_Waiting], commitments: Commitments, *, one_by_one: bool
    ) -> None:
        await producer.begin_transaction()
        send = self._send_alone if one_by_one else _send
        sent = [await send(producer, entry, message) for entry in entries for message in entry.messages]
        if commitments:
            await producer.send_offsets_to_transaction(commitments, self._group_id)
        await asyncio.gather(*sent)
        await producer.commit_transaction()

    async def _send_alone(self, producer: Producer, entry: _Waiting, message: Message) -> Acknowledgement:
        """Waits for the acknowledgement. Cuts an outcome whose record is refused; the transaction is made again."""
        try:
            future = await _send(producer, entry, message)
            await future
        except TOO_LARGE as error:
            cut = entry.cut.further(self._messages.part_in(message.topic))
            log_refusal(entry.record, message.topic, error, is_cut=cut is not None)
            if cut is not None:
                entry.publishing.refused(message.topic, type(error).__name__)
                entry.cut = cut
                entry.messages = self._messages.build(entry.record, entry.outcome, cut, entry.publishing)
            raise
        return future


async def _send(producer: Producer, _: _Waiting, message: Message) -> Acknowledgement:
    future = await producer.send(message.topic, value=message.value, key=message.key, headers=message.headers)
    # If a later step fails, nothing else retrieves this future's exception.
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future
