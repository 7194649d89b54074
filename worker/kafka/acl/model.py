"""Roles, the resources and operations of Kafka that they need, and the names of a deployment. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from schemas.topics import Delays


class Role(StrEnum):
    """Who uses the deployment's topics."""

    WORKER = "worker"
    CONTROLLER = "controller"
    OPERATOR = "operator"
    GAME_SERVER = "game-server"
    STUDIO = "studio"
    CONSOLE = "console"


class Resource(StrEnum):
    """Kafka's types of resources that occur in the table, by Kafka's own names."""

    TOPIC = "Topic"
    GROUP = "Group"
    TRANSACTIONAL_ID = "TransactionalId"
    CLUSTER = "Cluster"


class Operation(StrEnum):
    """Kafka's operations that occur in the table, by Kafka's own names."""

    READ = "Read"
    WRITE = "Write"
    DESCRIBE = "Describe"
    CREATE = "Create"
    DESCRIBE_CONFIGS = "DescribeConfigs"
    IDEMPOTENT_WRITE = "IdempotentWrite"


CLUSTER_NAME: Final = "kafka-cluster"
"""The name that Kafka gives the cluster as a resource."""


@dataclass(frozen=True)
class Names:
    """A deployment's names, and the settings that decide which rights it needs.

    Attributes:
        topic_prefix: replaces `tts` in the topics' names.
        group_id: the workers' group.
        delays: of each lane's retries.
        reply_topics: topics that jobs may name for their completions, by their names in the cluster.
        reader_group: the group in which a game server or a studio's own program reads completions; None for none.
        follows_topic: whether the workers read the rollout's topic (ROLLOUT_SOURCE=topic).
        exactly_once: whether the workers deliver in transactions.
        idempotence: whether producers are idempotent.
    """

    topic_prefix: str
    group_id: str
    delays: Delays
    reply_topics: frozenset[str] = frozenset()
    reader_group: str | None = None
    follows_topic: bool = False
    exactly_once: bool = False
    idempotence: bool = True


@dataclass(frozen=True)
class Right:
    """Operations that are allowed on resources.

    Attributes:
        names: of the resources; with `is_prefix`, what their names begin with.
        purpose: what the role does with them.
    """

    resource: Resource
    names: tuple[str, ...]
    operations: tuple[Operation, ...]
    purpose: str
    is_prefix: bool = False
