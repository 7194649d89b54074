"""Rebalance listener: hands partitions over when the group revokes them, and takes over those that it assigns."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition

from worker.kafka.client.committed_offsets import CommittedOffsets
from worker.kafka.client.consumer_interface import GroupConsumer
from worker.kafka.client.topics import Source
from worker.kafka.consumer.assignment import AssignedPartitions
from worker.kafka.consumer.ports import Delivery

_log = structlog.get_logger(__name__)


class AssignmentListener(Protocol):
    """What else changes in the worker when partitions come and go. Every method must return at once."""

    def hand_over_began(self) -> None:
        """Called when a rebalance may move partitions.

        From now on no queued job may be granted quota: another worker may run it too.
        """

    def hand_over_ended(self) -> None:
        """Called when the assignment is known again, and queued jobs of lost partitions have been cancelled."""

    def share_changed(self, share: float) -> None:
        """Called at each assignment with this worker's share of all partitions, 0 to 1."""

    def assigned(self) -> None:
        """Called when an assignment has been taken over and its partitions are consumed."""


class RebalanceListener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Follows the group's assignments.

    Args:
        sources: each subscribed topic, by its name.
        revoke_wait_s: how long a rebalance waits at most for jobs at work. It doesn't wait for jobs in an interruptible
            wait. All workers of the group wait with it.
        session_timeout_s: how long a hand-over may take after that; the rebalance goes on without this worker then.
    """

    def __init__(
        self,
        *,
        consumer: GroupConsumer,
        partitions: AssignedPartitions,
        offsets: CommittedOffsets,
        sources: Mapping[str, Source],
        delivery: Delivery,
        listener: AssignmentListener,
        revoke_wait_s: float,
        session_timeout_s: float,
    ) -> None:
        self._consumer = consumer
        self._partitions = partitions
        self._offsets = offsets
        self._sources = sources
        self._delivery = delivery
        self._listener = listener
        self._revoke_wait_s = revoke_wait_s
        self._session_timeout_s = session_timeout_s

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Waits a little for jobs at work, then commits. The other jobs run on: their partitions may be kept."""
        if not revoked:
            return
        self._listener.hand_over_began()
        # A job that was granted quota just before still counts as waiting until the event loop has run it.
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(self._revoke_wait_s):
                await self._partitions.wait_until_idle()
        except TimeoutError:
            _log.info("rebalance_with_jobs_in_work", waited_s=self._revoke_wait_s)
        # From here on nobody commits: the assignment compares the committed offsets with our last commit.
        self._partitions.settled.clear()
        try:
            async with asyncio.timeout(self._session_timeout_s):
                await self._delivery.finish()
        except Exception as error:
            # Other workers may own these partitions by now, and this worker doesn't know what it has committed.
            self._partitions.failure = error
            raise

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Keeps partitions that nobody else committed for, drops lost ones, and starts new ones at their commit."""
        # aiokafka fetches while this runs: no record may arrive before its partition's position is known.
        self._consumer.pause(*assigned)
        # Before the offsets are read: the other workers apply their new shares at this moment too.
        self._report_share(assigned)
        try:
            await self._delivery.before_take_over()
            self._partitions.take_over(await self._offsets.fetch(assigned))
            self._consumer.resume(*assigned)
        except Exception as error:
            self._partitions.failure = error
            raise
        finally:
            self._partitions.settled.set()
            self._listener.hand_over_ended()
        _log.info("assigned", partitions=sorted(f"{p.topic}/{p.partition}" for p in assigned))
        self._listener.assigned()

    def _report_share(self, assigned: set[TopicPartition]) -> None:
        # Retry partitions count too: a worker that owns nothing else needs quota for them.
        partitions = sum(len(self._consumer.partitions_for_topic(topic) or ()) for topic in self._sources)
        if partitions:
            self._listener.share_changed(len(assigned) / partitions)
