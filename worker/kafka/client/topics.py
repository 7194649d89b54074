"""Creates the topics of the table, and says what is there and differs."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from schemas.errors import UnavailableError
from schemas.topics import (
    LANES,
    RETRY_DELAYS,
    Delays,
    Topic,
    all_topics,
    is_delay,
    lane_of,
    prefixed,
    reply_topic,
    retry_topic,
    unprefixed,
)
from worker.kafka.consumer.partition import Source

CREATED: Final = "created"
AS_TABLE: Final = "as in the table"
_REPLICATION: Final = 3


class TopicError(UnavailableError):
    """A topic is missing, was refused or isn't what it must be; the message says which and why."""


@dataclass(frozen=True)
class TopicState:
    """A topic after `create`: `CREATED`, `AS_TABLE`, or what differs."""

    name: str
    topic: Topic
    state: str


async def create_topics(
    admin: AIOKafkaAdminClient,
    prefix: str,
    delays: Delays = RETRY_DELAYS,
    replication: int | None = None,
    reply_topics: Collection[str] = (),
) -> list[TopicState]:
    """Creates what is missing and compares the rest with the table; changes nothing that is there.

    Args:
        admin: a started client.
        prefix: what takes the place of `tts`.
        delays: of the retries.
        replication: the replication factor of new topics; by default 3, or as many as there are brokers.
        reply_topics: those that jobs may name, by their names in the cluster.

    Raises:
        TopicError: the broker refused a topic.
    """
    names = {prefixed(topic.name, prefix): topic for topic in all_topics(delays)}
    names |= {name: reply_topic(name) for name in sorted(reply_topics)}
    present = set(await admin.list_topics())
    factor = replication or min(_REPLICATION, len((await admin.describe_cluster())["brokers"]))
    states = []
    for name, topic in names.items():
        if name in present:
            states.append(TopicState(name, topic, await _difference(admin, name, topic)))
            continue
        new = NewTopic(name, topic.partitions, factor, topic_configs=topic.config())
        answer = await admin.create_topics([new])
        for _, code, *rest in answer.topic_errors:
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise TopicError(f"{name}: {for_code(code).__name__} {rest[0] if rest else ''}".rstrip())
        states.append(TopicState(name, topic, CREATED))
    return states


def missing_topics(
    present: Iterable[str], prefix: str, delays: Delays, reply_topics: Collection[str] = ()
) -> list[str]:
    """The table's topics, and those that jobs may name for replies, that aren't among these."""
    names = set(present)
    wanted = [*(prefixed(topic.name, prefix) for topic in all_topics(delays)), *sorted(reply_topics)]
    return [name for name in wanted if name not in names]


async def sources_of(
    admin: AIOKafkaAdminClient, prefix: str, delays: Delays, reply_topics: Collection[str] = ()
) -> dict[str, Source]:
    """The topics to be consumed, by name.

    Retry topics of delays that are set no more are among them: jobs may still wait there.

    Raises:
        TopicError: topics of the table, or to reply to, are missing.
    """
    present = await admin.list_topics()
    if missing := missing_topics(present, prefix, delays, reply_topics):
        raise TopicError(f"no topic {', '.join(missing)}; `chirp-worker topics create` makes them")
    # The cluster may have another deployment's lanes too.
    found = {name: source_of(unprefixed(name, prefix)) for name in present if name.startswith(f"{prefix}.")}
    return {name: source for name, source in sorted(found.items()) if source is not None}


def source_of(name: str) -> Source | None:
    """What a topic holds by its name in the table; None where it holds no jobs."""
    lane = lane_of(name)
    if lane is None:
        return None
    if name == LANES[lane]:
        return Source(lane)
    delay = name.removeprefix(retry_topic(lane, ""))
    return Source(lane, delay) if is_delay(delay) else None


async def _difference(admin: AIOKafkaAdminClient, name: str, topic: Topic) -> str:
    described = await admin.describe_topics([name])
    partitions = len(described[0]["partitions"])
    differences = []
    if partitions != topic.partitions:
        differences.append(f"partitions: {partitions}, the table says {topic.partitions}")
    actual = await _config(admin, name)
    for key, wanted in topic.config().items():
        if actual is not None and actual.get(key) != wanted:
            differences.append(f"{key}: {actual.get(key)}, the table says {wanted}")
    if actual is None:
        differences.append("its settings can't be read from this broker")
    return "; ".join(differences) or AS_TABLE


async def _config(admin: AIOKafkaAdminClient, name: str) -> dict[str, Any] | None:
    try:
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    except (KafkaError, ValueError):
        # Small brokers don't know the request.
        return None
    for answer in answers:
        for _, _, _, resource, entries in answer.resources:
            if resource == name:
                return {entry[0]: entry[1] for entry in entries}
    return None
