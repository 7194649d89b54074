"""Topics of the cluster: creates those of the table, reports how they differ from it, lists what a worker consumes."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, TopicAuthorizationFailedError, for_code

from schemas.enums import Lane
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
from worker.config.sections import KafkaSettings
from worker.kafka.client.access import hidden_topics
from worker.kafka.client.admin import Admin, connect_admin
from worker.kafka.client.denial import ADVICE, lacks

CREATED: Final = "created"
AS_TABLE: Final = "as in the table"
_REPLICATION: Final = 3


class TopicError(UnavailableError):
    """A topic is missing, was refused or isn't what it must be; the message says which and why."""


class TopicDeniedError(TopicError):
    """The login may not do something with a topic; the message names both."""


@dataclass(frozen=True)
class Source:
    """What a topic of ours holds: a lane's new jobs, or its retries after a `delay`."""

    lane: Lane
    delay: str | None = None


@dataclass(frozen=True)
class TopicState:
    """A topic after `create`: `CREATED`, `AS_TABLE`, or what differs."""

    name: str
    topic: Topic
    state: str


async def create_topics(
    admin: Admin,
    prefix: str,
    delays: Delays = RETRY_DELAYS,
    replication: int | None = None,
    reply_topics: Collection[str] = (),
) -> list[TopicState]:
    """Creates missing topics and compares the others with the table; changes no topic that exists.

    Args:
        prefix: replaces `tts` in the topics' names.
        replication: the replication factor of new topics; by default 3, or the number of brokers if that is lower.
        reply_topics: the topics to which completions may be sent, by their names in the cluster.

    Raises:
        TopicDeniedError: the login may not create a topic.
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
            if code == TopicAuthorizationFailedError.errno:
                raise TopicDeniedError(f"{lacks('Create', name)}; {ADVICE}")
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise TopicError(f"{name}: {for_code(code).__name__} {rest[0] if rest else ''}".rstrip())
        states.append(TopicState(name, topic, CREATED))
    return states


def missing_topics(
    present: Iterable[str], prefix: str, delays: Delays, reply_topics: Collection[str] = ()
) -> list[str]:
    """The names of the table's topics and of the reply topics that aren't among the present ones."""
    names = set(present)
    wanted = [*(prefixed(topic.name, prefix) for topic in all_topics(delays)), *sorted(reply_topics)]
    return [name for name in wanted if name not in names]


async def missing_error(admin: Admin, missing: Collection[str]) -> TopicError:
    """Why Kafka's list of topics lacks these: the login may not see them, or they aren't there.

    Raises:
        KafkaError: Kafka doesn't answer.
    """
    if hidden := await hidden_topics(admin, missing):
        return TopicDeniedError(f"{lacks('Describe', ', '.join(hidden))}; {ADVICE}")
    return TopicError(f"no topic {', '.join(missing)}; `chirp-worker topics create` makes them")


async def list_sources(
    admin: Admin, prefix: str, delays: Delays, reply_topics: Collection[str] = ()
) -> dict[str, Source]:
    """The topics that a worker consumes, by name.

    Retry topics with a delay that isn't configured any more are among them: jobs may still wait there.

    Raises:
        TopicDeniedError: the login may not see topics.
        TopicError: topics of the table, or to reply to, are missing.
    """
    present = await admin.list_topics()
    if missing := missing_topics(present, prefix, delays, reply_topics):
        raise await missing_error(admin, missing)
    # The cluster may have another deployment's lanes too.
    found = {name: parse_source(unprefixed(name, prefix)) for name in present if name.startswith(f"{prefix}.")}
    return {name: source for name, source in sorted(found.items()) if source is not None}


def parse_source(name: str) -> Source | None:
    """What a topic holds, by its name in the table; None if it holds no jobs."""
    lane = lane_of(name)
    if lane is None:
        return None
    if name == LANES[lane]:
        return Source(lane)
    delay = name.removeprefix(retry_topic(lane, ""))
    return Source(lane, delay) if is_delay(delay) else None


async def list_partitions(settings: KafkaSettings, topic: str) -> list[TopicPartition]:
    """The partitions of a topic, by its name in the cluster.

    Raises:
        TopicDeniedError: the login may not see the topic.
        TopicError: there is no such topic.
    """
    async with connect_admin(settings) as admin:
        # A description of an unknown topic may create it; the list creates nothing.
        if topic not in await admin.list_topics():
            raise await missing_error(admin, [topic])
        (described,) = await admin.describe_topics([topic])
    return [TopicPartition(topic, each["partition"]) for each in described["partitions"]]


async def _difference(admin: Admin, name: str, topic: Topic) -> str:
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


async def _config(admin: Admin, name: str) -> dict[str, Any] | None:
    try:
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    except (KafkaError, ValueError):
        # The tests' brokers don't implement the request.
        return None
    for answer in answers:
        for _, _, _, resource, entries in answer.resources:
            if resource == name:
                return {entry[0]: entry[1] for entry in entries}
    return None
