"""The one owner of aiokafka's admin client: the part of its interface that is used, typed, and who opens it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndMetadata

from worker.config.sections import KafkaSettings
from worker.kafka.client.connection import connection_options, return_to_bootstrap
from worker.lifecycle.stop_client import stop_client


class Admin(Protocol):
    """A started admin client. Every method raises KafkaError if Kafka can't be reached, or refuses."""

    async def list_topics(self) -> list[str]:
        """The names of all topics."""

    async def describe_cluster(self) -> dict[str, Any]:
        """`brokers` lists the brokers."""

    async def describe_topics(self, topics: list[str]) -> list[dict[str, Any]]:
        """For each topic its `partitions`. Depending on the broker's settings, an unknown topic is created."""

    async def create_topics(self, new_topics: list[Any]) -> Any:
        """Creates topics; `topic_errors` of the answer has each topic's error code."""

    async def describe_configs(self, config_resources: list[Any]) -> list[Any]:
        """Each resource's settings, in the answers' `resources`."""

    async def describe_consumer_groups(self, group_ids: list[str]) -> list[Any]:
        """An answer for each group; its `groups` hold error code, name, state, type, protocol and members."""

    async def list_consumer_group_offsets(
        self, group_id: str, *, partitions: list[TopicPartition]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """What a group has committed of these partitions: -1 where nothing is.

        While the group's coordinator moves, partitions are missing in the answer.
        """


@asynccontextmanager
async def connect_admin(settings: KafkaSettings) -> AsyncIterator[Admin]:
    """A started admin client.

    Raises:
        KafkaConnectionError: Kafka can't be reached.
    """
    admin = AIOKafkaAdminClient(**connection_options(settings))
    return_to_bootstrap(admin._client, settings)  # noqa: SLF001
    try:
        await admin.start()
        yield admin
    finally:
        await stop_client("admin client", admin.close)
