"""At-least-once delivery: publishes outcomes at once, and commits acknowledged ones at an interval."""

import asyncio

import structlog
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from worker.jobs.outcome import Outcome
from worker.kafka.client.consumer_interface import GroupConsumer
from worker.kafka.consumer.assignment import AssignedPartitions
from worker.kafka.consumer.partition import OwnedPartition
from worker.kafka.consumer.record import Record
from worker.kafka.delivery.outbox import Outbox

_log = structlog.get_logger(__name__)


class AtLeastOnce:
    """Publishes each outcome at once and commits its offset later: a crash between the two repeats an outcome.

    Args:
        interval_s: seconds between two commits.
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
        """Returns once the outcome is acknowledged and its offset may be committed."""
        await self._outbox.publish(record, outcome)
        self._partitions.done(owned, record.offset)

    async def run(self) -> None:
        """Commits at the interval until it is cancelled.

        Raises:
            Exception: the rebalance listener's failure; without its work the assignment is unknown.
        """
        while True:
            await asyncio.sleep(self._interval_s)
            await self._partitions.settled.wait()
            if self._partitions.failure is not None:
                raise self._partitions.failure
            async with self._committing:
                # A revocation may have taken the lock first.
                if self._partitions.settled.is_set():
                    await self._commit()

    async def finish(self) -> None:
        """Commits all finished records that aren't committed yet. A refusal is logged; the next commit retries them."""
        async with self._committing:
            await self._commit()

    async def before_take_over(self) -> None:
        """Does nothing: no transaction is open."""

    async def _commit(self) -> None:
        commitments = await self._partitions.commitments()
        if not commitments:
            return
        try:
            await self._consumer.commit(commitments)
        except (CommitFailedError, IllegalStateError):
            # The owner of the partitions after the rebalance commits them.
            self._log_refusal("a rebalance is under way")
        except KafkaError as error:
            self._log_refusal(f"{type(error).__name__}: {error}")
        else:
            self._refused = False
            self._partitions.committed(commitments)

    def _log_refusal(self, why: str) -> None:
        # There are ten commits a second: log a series of refusals once.
        if not self._refused:
            _log.warning("commit_refused", why=why)
        self._refused = True
