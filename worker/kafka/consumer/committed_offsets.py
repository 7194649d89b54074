"""Reads a consumer group's committed offsets with their metadata, and insists on an answer for each partition."""

from collections.abc import Collection
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

NOTHING: Final = OffsetAndMetadata(-1, "")
"""Kafka's own answer for a partition of which nothing was committed yet."""

Commitments = dict[TopicPartition, OffsetAndMetadata]


class _NoAnswerError(Exception):
    """The answer leaves partitions out."""


class CommittedOffsets:
    """The committed offsets of one group.

    The consumer's own `committed` drops the metadata. And while the group's coordinator moves, Kafka's answer is an
    error above an empty list, which aiokafka 0.14 takes for "nothing was committed": everything would be done again.
    Asked by the admin client, a partition without a commit is told as -1, so that one left out is known for an error.

    Args:
        admin: a started aiokafka admin client.
        group_id: the consumer group.
    """

    def __init__(self, admin: Any, group_id: str) -> None:
        self._admin = admin
        self._group_id = group_id

    async def of(self, partitions: Collection[TopicPartition]) -> Commitments:
        """What is committed of each partition, `NOTHING` where nothing is; while Kafka doesn't say, waits."""
        if not partitions:
            return {}
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((KafkaError, OSError, _NoAnswerError)),
            wait=wait_random_exponential(multiplier=0.05, max=2),
        )
        answer: Commitments = await retrying(self._ask, list(partitions))
        return answer

    async def _ask(self, partitions: list[TopicPartition]) -> Commitments:
        answer = await self._admin.list_consumer_group_offsets(self._group_id, partitions=partitions)
        if missing := set(partitions) - set(answer):
            raise _NoAnswerError(missing)
        return {partition: NOTHING if answer[partition].offset < 0 else answer[partition] for partition in partitions}
