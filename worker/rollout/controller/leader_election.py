"""Leader election by consumer group: the controller that is assigned the single partition of `tts.rollout` leads.

Kafka assigns a partition to one member of a group at a time. The session timeout is the lease: a leader that stops its
heartbeats loses the partition after 10 s. There is no fencing token: a member that Kafka has evicted may act as leader
until it learns of it. That does no harm, because the log itself fences: it accepts one record for each base revision,
so that the second leader's change is superseded (`worker/rollout/log/revisions.py`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from schemas.groups import election_group
from schemas.topics import ROLLOUT, prefixed
from worker.config.sections import KafkaSettings
from worker.kafka.client.admin import connect_admin
from worker.kafka.client.committed_offsets import NOTHING, CommittedOffsets
from worker.kafka.client.consumer import election_consumer
from worker.kafka.client.consumer_interface import GroupConsumer
from worker.lifecycle.stop_client import stop_client

_LEASE_S: Final = 10.0
# What is delivered is committed after each poll.
_POLL_MS: Final = 200
_LONGEST_S: Final = 5.0
_log = structlog.get_logger(__name__)


class RecordHandler(Protocol):
    """Handles the records of the log while this member leads."""

    @property
    def note(self) -> str:
        """What the next leader has to know of the records that are handled; committed with their offset."""

    def begin(self, committed: int, note: str) -> int:
        """Begins to lead after another leader's commit; returns the offset at which to begin to read."""

    async def handle_record(self, offset: int, value: bytes | None) -> None:
        """Handles a record; returns once `note` has all that isn't done of it."""

    async def stop(self) -> None:
        """Ends its work: another member may lead from now on."""


class LeaderElection:
    """A member of the controllers' group, `<KAFKA_GROUP_ID>-rollout`, and a candidate for leader.

    Args:
        handler: the leader passes it each record of the log. The next leader continues at the group's committed offset
            and with the note of that commit, so that each record is handled at least once: what a leader did after its
            last commit is done again if that leader is killed or a commit fails. Records from before the group's first
            leader are skipped.
    """

    def __init__(self, settings: KafkaSettings, handler: RecordHandler) -> None:
        self._settings = settings
        self._handler = handler
        self._topic = prefixed(ROLLOUT, settings.topic_prefix)
        self._group_id = election_group(settings.group_id)
        self._consumer: GroupConsumer | None = None
        self._is_begun = False
        self._next = 0
        self._committed: tuple[int, str] | None = None
        self._committing = asyncio.Lock()

    @property
    def is_leader(self) -> bool:
        """Whether this member is the leader now."""
        return self._consumer is not None and bool(self._consumer.assignment())

    async def run(self) -> None:
        """Takes part in the election until it is cancelled; retries all errors of Kafka."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((KafkaError, OSError)),
            wait=wait_random_exponential(multiplier=0.25, max=_LONGEST_S),
        )
        await retrying(self._join)

    async def _join(self) -> None:
        consumer = election_consumer(
            self._settings,
            self._group_id,
            session_timeout_s=_LEASE_S,
            # Polls wait for the controller to read the log. That must not cost the leader its partition.
            max_poll_interval_s=24 * 60 * 60,
        )
        consumer.subscribe([self._topic], listener=_Hold(consumer, self._hand_over))
        try:
            await consumer.start()
            self._consumer = consumer
            was_leader = False
            while True:
                if self.is_leader != was_leader:
                    was_leader = self.is_leader
                    _log.info("rollout_leads" if was_leader else "rollout_stands_by")
                if was_leader and not self._is_begun:
                    await self._begin(consumer)
                await self._handle_next(consumer)
                await self._commit(consumer)
        finally:
            await self._hand_over()
            self._consumer = None
            await stop_client("leader's consumer", consumer.stop)

    async def _begin(self, consumer: GroupConsumer) -> None:
        partitions = consumer.assignment()
        async with connect_admin(self._settings) as admin:
            found = await CommittedOffsets(admin, self._group_id).fetch(partitions)
        for partition, committed in found.items():
            # The group's first leader commits where it starts. Otherwise, if it ended before it had handled a record,
            # the next leader would start at the end of the log as of then, and nobody would handle what is in between.
            is_first = committed.offset == NOTHING.offset
            self._next = await consumer.position(partition) if is_first else committed.offset
            self._committed = None if is_first else (committed.offset, committed.metadata)
            begin = self._handler.begin(self._next, "" if is_first else committed.metadata)
            if partition in consumer.assignment():
                consumer.seek(partition, begin)
                consumer.resume(partition)
                self._is_begun = True

    async def _hand_over(self) -> None:
        """Stops the handler, and commits what it has done until then."""
        if not self._is_begun:
            return
        await self._handler.stop()
        if self._consumer is not None:
            await self._commit(self._consumer)
        self._is_begun = False

    async def _handle_next(self, consumer: GroupConsumer) -> None:
        try:
            taken = await consumer.getmany(timeout_ms=_POLL_MS, max_records=1)
        except UnicodeDecodeError:
            # A header's name is not UTF-8, so it is none of our records. With one record a poll, skipping it loses no
            # other record.
            for partition in consumer.assignment():
                consumer.seek(partition, await consumer.position(partition) + 1)
            return
        for records in taken.values():
            for record in records:
                await self._handler.handle_record(record.offset, record.value)
                self._next = max(self._next, record.offset + 1)

    async def _commit(self, consumer: GroupConsumer) -> None:
        """Commits what is handled, if anything has changed since the last commit."""
        # A rebalance commits in the client's own task. An older commit that is still retried must not follow it.
        async with self._committing:
            await self._commit_changes(consumer)

    async def _commit_changes(self, consumer: GroupConsumer) -> None:
        due = (self._next, self._handler.note)
        if not self._is_begun or due == self._committed:
            return
        for partition in consumer.assignment():
            try:
                await consumer.commit({partition: OffsetAndMetadata(*due)})
            except KafkaError as error:
                # The partition has moved: the new leader handles the record once more.
                _log.warning("rollout_record_uncommitted", offset=due[0], error=f"{type(error).__name__}: {error}")
            else:
                self._committed = due


class _Hold(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Hands over before a rebalance; after it, no record comes before the leader has begun."""

    def __init__(self, consumer: GroupConsumer, hand_over: Callable[[], Awaitable[None]]) -> None:
        self._consumer = consumer
        self._hand_over = hand_over

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:  # noqa: ARG002  # aiokafka's signature
        """Called before a rebalance."""
        await self._hand_over()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Called after a rebalance."""
        self._consumer.pause(*assigned)
