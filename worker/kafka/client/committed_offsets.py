"""Committed offsets: reads what a consumer group has committed, and insists on an answer for each partition."""

from collections.abc import Collection
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from worker.kafka.client.admin import Admin

NOTHING: Final = OffsetAndMetadata(-1, "")
"""Kafka's own answer for a partition of which nothing was committed yet."""

Commitments = dict[TopicPartition, OffsetAndMetadata]


class _NoAnswerError(Exception):
    """The answer leaves partitions out."""


class CommittedOffsets:
    """The committed offsets of one group.

    `AIOKafkaConsumer.committed` must not be used. It drops the metadata. And while the group's coordinator moves,
    Kafka's answer is an error above an empty list, which aiokafka 0.14 takes for "nothing was committed": every job
    would be done again. The admin client returns -1 for a partition without a commit, so that a partition which is
    missing in its answer is recognised as an error.
    """

    def __init__(self, admin: Admin, group_id: str) -> None:
        self._admin = admin
        self._group_id = group_id

    async def fetch(self, partitions: Collection[TopicPartition]) -> Commitments:
        """Each partition's committed offset, `NOTHING` where nothing is; retries until Kafka has answered."""
        if not partitions:
            return {}
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((KafkaError, OSError, _NoAnswerError)),
            wait=wait_random_exponential(multiplier=0.05, max=2),
        )
        return await retrying(self._fetch_once, list(partitions))

    async def _fetch_once(self, partitions: list[TopicPartition]) -> Commitments:
        answer = await self._admin.list_consumer_group_offsets(self._group_id, partitions=partitions)
        if missing := set(partitions) - set(answer):
            raise _NoAnswerError(missing)
        return {partition: NOTHING if answer[partition].offset < 0 else answer[partition] for partition in partitions}
