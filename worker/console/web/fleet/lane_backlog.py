"""What the workers' group has left in each lane: how many records, and how old the oldest one is."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from aiokafka import TopicPartition

from schemas.enums import Lane
from schemas.times import time_of_ms
from schemas.topics import LANES, all_topics, lane_of, prefixed
from worker.config.settings import Settings
from worker.kafka.client.admin import connect_admin
from worker.kafka.client.committed_offsets import Commitments, CommittedOffsets
from worker.kafka.client.consumer import standalone_consumer
from worker.kafka.client.consumer_interface import Consumer
from worker.kafka.client.timeout import kafka_timeout
from worker.kafka.client.topics import list_partitions

_POLL_MS: Final = 1000
_MOST_POLLS: Final = 5


@dataclass(frozen=True)
class LaneBacklog:
    """The records of one topic behind the group's commits.

    Attributes:
        topic: by its name in the table of topics.
        waiting: up to the log's end; a record that is done while an earlier one isn't counts too.
        oldest: when the first of them was sent; None without one, or where it could not be read in time.
        is_retry: whether its records wait until they are due.
    """

    topic: str
    lane: Lane
    waiting: int
    oldest: datetime | None
    is_retry: bool


async def read_backlog(settings: Settings) -> list[LaneBacklog]:
    """The backlog of each lane's topic and of each retry topic.

    Raises:
        TopicError: a topic doesn't exist.
        KafkaError: Kafka doesn't answer.
    """
    names = [each.name for each in all_topics(settings.delivery.retry_delays) if lane_of(each.name) is not None]
    of_topic = {
        name: await list_partitions(settings.kafka, prefixed(name, settings.kafka.topic_prefix)) for name in names
    }
    partitions = [each for listed in of_topic.values() for each in listed]
    async with connect_admin(settings.kafka) as admin, kafka_timeout():
        committed = await CommittedOffsets(admin, settings.kafka.group_id).fetch(partitions)
    async with standalone_consumer(settings.kafka, "backlog reader") as consumer:
        async with kafka_timeout():
            await consumer.start()
            begins = await consumer.beginning_offsets(partitions)
            ends = await consumer.end_offsets(partitions)
        starts = _starts(partitions, committed, begins)
        behind = [each for each in partitions if starts[each] < ends[each]]
        oldest = await _first_times(consumer, {each: starts[each] for each in behind})
    return [
        LaneBacklog(
            topic=name,
            lane=lane,
            waiting=sum(max(0, ends[each] - starts[each]) for each in listed),
            oldest=min((oldest[each] for each in listed if each in oldest), default=None),
            is_retry=name != LANES[lane],
        )
        for name, listed in of_topic.items()
        if (lane := lane_of(name)) is not None
    ]


def _starts(
    partitions: Sequence[TopicPartition], committed: Commitments, begins: dict[TopicPartition, int]
) -> dict[TopicPartition, int]:
    """Where the group's unfinished records begin: no earlier than the log does."""
    return {each: max(begins[each], committed[each].offset) for each in partitions}


async def _first_times(consumer: Consumer, starts: dict[TopicPartition, int]) -> dict[TopicPartition, datetime]:
    """When the first record at or after each offset was sent; a partition that doesn't answer in time is left out."""
    if not starts:
        return {}
    consumer.assign(list(starts))
    for partition, offset in starts.items():
        consumer.seek(partition, offset)
    found: dict[TopicPartition, Any] = {}
    for _ in range(_MOST_POLLS):
        missing = [each for each in starts if each not in found]
        if not missing:
            break
        async with kafka_timeout():
            taken = await consumer.getmany(*missing, timeout_ms=_POLL_MS)
        found |= {partition: records[0] for partition, records in taken.items() if records}
        await asyncio.sleep(0)
    times = {partition: time_of_ms(record.timestamp) for partition, record in found.items()}
    return {partition: time for partition, time in times.items() if time is not None}
