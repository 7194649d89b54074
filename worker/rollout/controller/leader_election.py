"""One controller leads: whose consumer has the only partition of `tts.rollout` in the controllers' group."""

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

_SESSION_S: Final = 10.0
_POLL_MS: Final = 1000
_LONGEST_S: Final = 5.0
_log = structlog.get_logger(__name__)

Hear = Callable[[int, bytes | None], Awaitable[None]]
"""Is given a record of the log, its offset first, and returns once it has told what it had to tell."""


class LeaderElection:
    """Membership in the controllers' group.

    That two lead for a moment harms nothing: of two records on the same revision the log counts the first.

    Args:
        settings: of the cluster; the group is `<KAFKA_GROUP_ID>-rollout`.
        hear: hears each record once, over all leaders: the group's offset says how far the last one came. What was
            there before the first controller isn't told.
    """

    def __init__(self, settings: KafkaSettings, hear: Hear) -> None:
        self._settings = settings
        self._hear = hear
        self._topic = prefixed(ROLLOUT, settings.topic_prefix)
        self._group_id = f"{settings.group_id}-rollout"
        self._consumer: GroupConsumer | None = None

    @property
    def leads(self) -> bool:
        """Whether this one is the leader now."""
        return self._consumer is not None and bool(self._consumer.assignment())

    async def run(self) -> None:
        """Takes part until it is cancelled, whatever happens to Kafka."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((KafkaError, OSError)),
            wait=wait_random_exponential(multiplier=0.25, max=_LONGEST_S),
        )
        await retrying(self._take_part)

    async def _take_part(self) -> None:
        consumer = election_consumer(
            self._settings,
            self._topic,
            self._group_id,
            session_timeout_s=_SESSION_S,
            # A leader remains one while its webhook doesn't answer.
            max_poll_interval_s=24 * 60 * 60,
        )
        try:
            await consumer.start()
            self._consumer = consumer
            led = False
            while True:
                if self.leads != led:
                    led = self.leads
                    _log.info("rollout_leads" if led else "rollout_stands_by")
                    await self._begin(consumer)
                await self._next(consumer)
        finally:
            self._consumer = None
            await stop_client("leader's consumer", consumer.stop)

    async def _begin(self, consumer: GroupConsumer) -> None:
        # The first leader of all says where it begins: if it ended before it told anything, the next one would begin
        # at the end of its own day, and what is between would be told by nobody.
        partitions = consumer.assignment()
        if not partitions:
            return
        async with connect_admin(self._settings) as admin:
            committed = await CommittedOffsets(admin, self._group_id).fetch(partitions)
        for partition, offset in committed.items():
            if offset == NOTHING:
                await self._commit(consumer, partition, await consumer.position(partition))

    async def _next(self, consumer: GroupConsumer) -> None:
        try:
            taken = await consumer.getmany(timeout_ms=_POLL_MS, max_records=1)
        except UnicodeDecodeError:
            # A header's name isn't UTF-8: no revision of ours, and with one record at a time nothing else is lost.
            for partition in consumer.assignment():
                consumer.seek(partition, await consumer.position(partition) + 1)
            return
        for partition, records in taken.items():
            for record in records:
                await self._hear(record.offset, record.value)
                await self._commit(consumer, partition, record.offset + 1)

    async def _commit(self, consumer: GroupConsumer, partition: TopicPartition, offset: int) -> None:
        try:
            await consumer.commit({partition: offset})
        except KafkaError as error:
            # Somebody else leads now, and tells it once more.
            _log.warning("rollout_told_uncommitted", offset=offset, error=f"{type(error).__name__}: {error}")
