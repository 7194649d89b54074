"""Reads from Kafka what a batch that hears nothing wants to know."""

from collections.abc import Mapping
from contextlib import AsyncExitStack

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.enums import Lane
from schemas.topics import LANES, prefixed, retry_topic
from worker.batch.backlog import Backlog
from worker.config.sections import KafkaSettings
from worker.kafka.client.admin import Admin, connect_admin
from worker.kafka.client.committed_offsets import CommittedOffsets
from worker.kafka.client.consumer import standalone_consumer
from worker.kafka.client.timeout import kafka_timeout


async def read_backlog(settings: KafkaSettings, lane_begin: Mapping[int, int]) -> Backlog:
    """Reads the backlog of the batch lane.

    Args:
        lane_begin: the lane's ends before the batch's first job, by partition.

    Raises:
        KafkaError: Kafka can't be reached, or doesn't answer.
    """
    lane = prefixed(LANES[Lane.BATCH], settings.topic_prefix)
    retries = prefixed(retry_topic(Lane.BATCH, ""), settings.topic_prefix)
    # The clients are closed outside of the time limit.
    async with AsyncExitStack() as stack:
        admin = await stack.enter_async_context(connect_admin(settings))
        consumer = await stack.enter_async_context(standalone_consumer(settings, "backlog consumer"))
        async with kafka_timeout():
            names = [name for name in await admin.list_topics() if name == lane or name.startswith(retries)]
            partitions = [
                TopicPartition(topic["topic"], each["partition"])
                for topic in await admin.describe_topics(names)
                for each in topic["partitions"]
            ]
            await consumer.start()
            begins = await consumer.beginning_offsets(partitions)
            ends = await consumer.end_offsets(partitions)
            committed = await CommittedOffsets(admin, settings.group_id).fetch(partitions)
            workers = await _count_workers(admin, settings.group_id)
    todo = {each: (max(committed[each].offset, begins[each]), ends[each]) for each in partitions}
    before, behind = _split(todo, lane, lane_begin)
    waiting: dict[str, int] = {}
    for each, (done, end) in todo.items():
        if each.topic != lane and end > done:
            delay = each.topic.removeprefix(retries)
            waiting[delay] = waiting.get(delay, 0) + end - done
    return Backlog(settings.group_id, workers, before, behind, waiting)


def _split(todo: Mapping[TopicPartition, tuple[int, int]], lane: str, lane_begin: Mapping[int, int]) -> tuple[int, int]:
    """How many records of the lane that aren't done are before the batch's first one, and how many aren't."""
    before = behind = 0
    for each, (done, end) in todo.items():
        if each.topic == lane:
            first = lane_begin.get(each.partition, 0)
            before += max(0, min(first, end) - done)
            behind += max(0, end - max(first, done))
    return before, behind


async def _count_workers(admin: Admin, group: str) -> int | None:
    try:
        (answer,) = await admin.describe_consumer_groups([group])
        (described,) = answer.groups
    except (KafkaError, ValueError):
        return None
    # Error code, group, state, protocol type, protocol, members.
    return len(described[5]) if described[0] == 0 else None
