"""Delivers exactly once: outcomes and the offsets of their jobs in one transaction, or neither."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import structlog
from aiokafka.errors import (
    InvalidProducerEpoch,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
    RecordListTooLargeError,
)
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from worker.kafka.letters import KEPT_BYTES, DeadLetter
from worker.kafka.outbox import OutcomeMessages
from worker.kafka.partitions import Owned, Partitions
from worker.kafka.sender import Message, TooLarge
from worker.outcome import Outcome, Record

_LONGEST_WAIT_S: Final = 5.0
_log = structlog.get_logger(__name__)


class Fenced(Exception):
    """Another process has taken this worker's transactional id, or the broker gave its transaction up."""


@dataclass(frozen=True)
class Grouping:
    """A transaction begins so long after the one before (seconds), or sooner when so many outcomes wait."""

    interval_s: float = 0.1
    count: int = 100


@dataclass(eq=False)
class _Waiting:
    record: Record
    owned: Owned
    outcome: Outcome
    messages: list[Message]
    small: bool = False
    delivered: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def size(self) -> int:
        return max((DeadLetter(each.key, each.value, each.headers).size for each in self.messages), default=0)


class ExactlyOnce:
    """One transaction after the other; what ends during one goes into the next.

    Args:
        connect: opens a started producer with this worker's transactional id. Its start ends what a killed
            predecessor left open, so it must be open before offsets are read.
        messages: writes outcomes down.
        group_id: the consumer group whose offsets are committed.
        grouping: when a transaction begins.
    """

    def __init__(
        self,
        connect: Callable[[], AbstractAsyncContextManager[Any]],
        messages: OutcomeMessages,
        group_id: str,
        grouping: Grouping,
    ) -> None:
        self._connect = connect
        self._messages = messages
        self._group_id = group_id
        self._grouping = grouping
        self._open = AsyncExitStack()
        self._producer: Any = None
        self._partitions: Partitions | None = None
        self._waiting: list[_Waiting] = []
        self._more = asyncio.Event()
        self._many = asyncio.Event()
        self._transacting = asyncio.Lock()
        self._unsettled = False
        self._interrupted = False

    async def __aenter__(self) -> Self:
        self._producer = await self._open.enter_async_context(self._connect())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    def serve(self, _: Any, partitions: Partitions) -> None:
        """Commits for these partitions, and before they are handed over."""
        self._partitions = partitions
        partitions.hand_over = self.finish

    async def deliver(self, record: Record, owned: Owned, outcome: Outcome) -> None:
        """Returns once outcome and offset are committed, or the partition is lost.

        Raises:
            CancelledError: the delivery failed for good.
        """
        waiting = _Waiting(record, owned, outcome, self._messages.of(record, outcome))
        self._waiting.append(waiting)
        self._more.set()
        if len(self._waiting) >= self._grouping.count:
            self._many.set()
        await waiting.delivered

    async def run(self) -> None:
        """Makes transactions until it is cancelled.

        Raises:
            Fenced: somebody else has this worker's transactional id; the process must start anew.
            TooLarge: a topic refuses an outcome.
            Exception: what the rebalance listener met.
        """
        while True:
            await self._more.wait()
            # Offsets in transactions carry no generation: between revocation and assignment nobody may commit.
            await self._served.settled.wait()
            if self._served.failure is not None:
                raise self._served.failure
            async with self._transacting:
                # A revocation may have been first at the lock.
                if self._served.settled.is_set():
                    await self._deliver_waiting()
            try:
                async with asyncio.timeout(self._grouping.interval_s):
                    await self._many.wait()
            except TimeoutError:
                pass

    async def finish(self) -> None:
        """Commits what waits, and returns only when the last transaction's offsets can be read by others.

        Kafka answers the end of a transaction before its markers are written, and aiokafka reads offsets without
        waiting for them. A further transaction of the same producer can't add offsets before they are.
        """
        async with self._transacting:
            if self._interrupted:
                # Cancelled in a transaction: what it held is done again, or was committed with its offsets.
                return
            await self._deliver_waiting()
            if not self._unsettled:
                return
            known = {p: c for p in self._served.all_of_them if (c := self._served.last_committed(p)) is not None}
            if known:
                await self._until_committed([], known)
            self._unsettled = False

    @property
    def _served(self) -> Partitions:
        if self._partitions is None:
            raise RuntimeError("serve() comes first")
        return self._partitions

    async def _deliver_waiting(self) -> None:
        self._more.clear()
        self._many.clear()
        taken, self._waiting = self._waiting, []
        kept = [each for each in taken if not each.owned.lost]
        for each in kept:
            self._served.done(each.owned, each.record.offset)
        commitments = await self._served.commitments()
        if kept or commitments:
            await self._until_committed(kept, commitments)
            self._served.committed(commitments)
            self._unsettled = True
        for each in taken:
            # A job that was cancelled meanwhile doesn't wait for it any more.
            if not each.delivered.done():
                each.delivered.set_result(None)

    async def _until_committed(self, entries: list[_Waiting], commitments: dict[Any, Any]) -> None:
        while True:
            try:
                await self._transact([message for each in entries for message in each.messages], commitments)
            except (ProducerFenced, InvalidProducerEpoch) as error:
                raise Fenced(f"{type(error).__name__}: another process has this worker's transactional id") from error
            except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
                self._make_small(entries, error)
                await self._renew(error)
            except KafkaError as error:
                await self._renew(error)
            else:
                return

    def _make_small(self, entries: list[_Waiting], error: KafkaError) -> None:
        large = [each for each in entries if not each.small and each.size > KEPT_BYTES]
        if not large:
            raise TooLarge(f"a topic refuses an outcome: {error}") from error
        for each in large:
            each.small = True
            each.messages = self._messages.of(each.record, each.outcome, small=True)

    async def _transact(self, messages: list[Message], commitments: dict[Any, Any]) -> None:
        producer = self._producer
        self._interrupted = True
        await producer.begin_transaction()
        sent = [
            await producer.send(message.topic, value=message.value, key=message.key, headers=message.headers)
            for message in messages
        ]
        if commitments:
            await producer.send_offsets_to_transaction(commitments, self._group_id)
        await asyncio.gather(*sent)
        await producer.commit_transaction()
        self._interrupted = False

    async def _renew(self, error: KafkaError) -> None:
        """A new producer of the same transactional id aborts what the old one left open."""
        _log.warning("transaction_failed", error=f"{type(error).__name__}: {error}", detail="aborted; tried again")
        await self._open.aclose()
        self._open = AsyncExitStack()
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((KafkaError, OSError)),
            wait=wait_random_exponential(multiplier=0.1, max=_LONGEST_WAIT_S),
        )
        self._producer = await retrying(self._connected)

    async def _connected(self) -> Any:
        return await self._open.enter_async_context(self._connect())
