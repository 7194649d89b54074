"""Commits at least once: what is acknowledged, several times a second, apart from the outcomes."""

import asyncio

import structlog
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from worker.jobs.outcome import Outcome
from worker.kafka.client.consumer import GroupConsumer
from worker.kafka.consumer.assignment import AssignedPartitions
from worker.kafka.consumer.partition import OwnedPartition
from worker.kafka.consumer.record import Record
from worker.kafka.delivery.outbox import Outbox

_log = structlog.get_logger(__name__)


class AtLeastOnce:
    """Publishes each outcome at once and commits its offset later: a crash between the two repeats an outcome.

    Args:
        outbox: publishes.
        interval_s: between two commits.
    """

    def __init__(
        self, outbox: Outbox, consumer: GroupConsumer, partitions: AssignedPartitions, interval_s: float
    ) -> None:
        self._outbox = outbox
        self._consumer = consumer
        self._partitions = partitions
        self._interval_s = interval_s
        self._committing = asyncio.Lock()
        self._refused = False

    async def deliver(self, record: Record, owned: OwnedPartition, outcome: Outcome) -> None:
        """Returns once the outcome is acknowledged and its offset may be committed.

        Raises:
            RecordTooLargeError: a topic refuses the outcome.
        """
        await self._outbox.publish(record, outcome)
        self._partitions.done(owned, record.offset)

    async def run(self) -> None:
        """Commits regularly, until it is cancelled.

        Raises:
            Exception: what the rebalance listener met; partitions can't be worked on without it.
        """
        while True:
            await asyncio.sleep(self._interval_s)
            await self._partitions.settled.wait()
            if self._partitions.failure is not None:
                raise self._partitions.failure
            async with self._committing:
                # A revocation may have been first at the lock.
                if self._partitions.settled.is_set():
                    await self._commit()

    async def finish(self) -> None:
        """Commits what is done and not committed yet; a refusal is told and tried again with the next commit."""
        async with self._committing:
            await self._commit()

    async def _commit(self) -> None:
        commitments = await self._partitions.commitments()
        if not commitments:
            return
        try:
            await self._consumer.commit(commitments)
        except (CommitFailedError, IllegalStateError):
            # Whoever owns the partitions after it commits them.
            self._log_refusal("a rebalance is under way")
        except KafkaError as error:
            self._log_refusal(f"{type(error).__name__}: {error}")
        else:
            self._refused = False
            self._partitions.committed(commitments)

    def _log_refusal(self, why: str) -> None:
        # Commits come ten times a second; one line tells of a row of refusals.
        if not self._refused:
            _log.warning("commit_refused", why=why)
        self._refused = True
