"""Leader election by consumer group: the controller that is assigned the single partition of `tts.rollout` leads.

Kafka assigns a partition to one member of a group at a time. The session timeout is the lease: a leader that stops its
heartbeats loses the partition after 10 s. There is no fencing token: a member that Kafka has evicted may act as leader
until it learns of it. That does no harm, because the log itself fences: it accepts one record for each base revision,
so that the second leader's change is superseded (`worker/rollout/log/revisions.py`).
"""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from schemas.topics import ROLLOUT, prefixed
from worker.config.sections import KafkaSettings
from worker.kafka.client.admin import connect_admin
from worker.kafka.client.committed_offsets import NOTHING, CommittedOffsets
from worker.kafka.client.consumer import GroupConsumer, election_consumer
from worker.lifecycle.stop_client import stop_client

_LEASE_S: Final = 10.0
_POLL_MS: Final = 1000
_LONGEST_S: Final = 5.0
_log = structlog.get_logger(__name__)

HandleRecord = Callable[[int, bytes | None], Awaitable[None]]
"""Called with the offset and value of a record of the log; returns once the record is handled."""


class LeaderElection:
    """A member of the controllers' group, `<KAFKA_GROUP_ID>-rollout`, and a candidate for leader.

    Args:
        handle_record: the leader calls it for each record of the log. The next leader continues at the group's
            committed offset, so that each record is handled once. If a commit fails, the next leader handles the record
            again. Records from before the group's first leader are skipped.
    """

    def __init__(self, settings: KafkaSettings, handle_record: HandleRecord) -> None:
        self._settings = settings
        self._handle_record = handle_record
        self._topic = prefixed(ROLLOUT, settings.topic_prefix)
        self._group_id = f"{settings.group_id}-rollout"
        self._consumer: GroupConsumer | None = None

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
            self._topic,
            self._group_id,
            session_timeout_s=_LEASE_S,
            # Polls wait for webhooks (up to ten minutes for each record). That must not cost the leader its partition.
            max_poll_interval_s=24 * 60 * 60,
        )
        try:
            await consumer.start()
            self._consumer = consumer
            was_leader = False
            while True:
                if self.is_leader != was_leader:
                    was_leader = self.is_leader
                    _log.info("rollout_leads" if was_leader else "rollout_stands_by")
                    await self._commit_first_offset(consumer)
                await self._handle_next(consumer)
        finally:
            self._consumer = None
            await stop_client("leader's consumer", consumer.stop)

    async def _commit_first_offset(self, consumer: GroupConsumer) -> None:
        # The group's first leader commits where it starts. Otherwise, if it ended before it had handled a record, the
        # next leader would start at the end of the log as of then, and nobody would handle the records in between.
        partitions = consumer.assignment()
        if not partitions:
            return
        async with connect_admin(self._settings) as admin:
            committed = await CommittedOffsets(admin, self._group_id).fetch(partitions)
        for partition, offset in committed.items():
            if offset == NOTHING:
                await self._commit(consumer, partition, await consumer.position(partition))

    async def _handle_next(self, consumer: GroupConsumer) -> None:
        try:
            taken = await consumer.getmany(timeout_ms=_POLL_MS, max_records=1)
        except UnicodeDecodeError:
            # A header's name is not UTF-8, so it is none of our records. With one record a poll, skipping it loses no
            # other record.
            for partition in consumer.assignment():
                consumer.seek(partition, await consumer.position(partition) + 1)
            return
        for partition, records in taken.items():
            for record in records:
                await self._handle_record(record.offset, record.value)
                await self._commit(consumer, partition, record.offset + 1)

    async def _commit(self, consumer: GroupConsumer, partition: TopicPartition, offset: int) -> None:
        try:
            await consumer.commit({partition: offset})
        except KafkaError as error:
            # The partition has moved: the new leader handles the record once more.
            _log.warning("rollout_record_uncommitted", offset=offset, error=f"{type(error).__name__}: {error}")
