"""Publishes, reads and follows the rounds of the controller: records of `tts.rollout-status`; the last counts."""

from collections.abc import AsyncGenerator
from typing import Final

from aiokafka.errors import KafkaTimeoutError
from pydantic import ValidationError

from schemas.rollout_status import RolloutStatus
from schemas.topics import ROLLOUT_STATUS, prefixed
from worker.config.sections import KafkaSettings
from worker.kafka.client.consumer import standalone_consumer
from worker.kafka.client.producer import connect_producer
from worker.kafka.client.timeout import SILENCE_S, kafka_timeout
from worker.kafka.client.topics import TopicError, list_partitions
from worker.kafka.scan.partition_reader import PartitionReader
from worker.lifecycle.clock import Clock

_WAIT_MS: Final = 3000
_POLL_S: Final = 0.5


async def publish_status(settings: KafkaSettings, status: RolloutStatus) -> None:
    """Publishes the status after a round.

    Raises:
        KafkaError: Kafka doesn't accept it.
    """
    async with connect_producer(settings) as producer:
        topic = prefixed(ROLLOUT_STATUS, settings.topic_prefix)
        await producer.send_and_wait(topic, value=status.model_dump_json().encode(), partition=0)


async def last_status(settings: KafkaSettings) -> RolloutStatus | None:
    """The last round's status; None if there was none in the last hour, or it is of another version.

    Raises:
        KafkaError: Kafka doesn't answer.
    """
    topic = prefixed(ROLLOUT_STATUS, settings.topic_prefix)
    try:
        async with standalone_consumer(settings, "status consumer") as consumer, kafka_timeout():
            # The controller writes into the first one, however many the topic was made with.
            partition = min(await list_partitions(settings, topic))
            await consumer.start()
            consumer.assign([partition])
            begin = (await consumer.beginning_offsets([partition]))[partition]
            end = (await consumer.end_offsets([partition]))[partition]
            if end == begin:
                return None
            consumer.seek(partition, end - 1)
            taken = await consumer.getmany(partition, timeout_ms=_WAIT_MS)
    except TopicError:
        return None
    values = [record.value or b"" for records in taken.values() for record in records]
    return _parsed(values[-1]) if values else None


async def follow_statuses(settings: KafkaSettings, clock: Clock) -> AsyncGenerator[list[RolloutStatus], None]:
    """The rounds of the last hour, then each new one, without end; in lists, oldest first.

    Raises:
        TopicError: the topic doesn't exist.
        KafkaError: Kafka doesn't answer.
    """
    topic = prefixed(ROLLOUT_STATUS, settings.topic_prefix)
    async with standalone_consumer(settings, "status follower") as consumer:
        async with kafka_timeout():
            # The controller writes into the first one, however many the topic was made with.
            partition = min(await list_partitions(settings, topic))
            await consumer.start()
            begin = (await consumer.beginning_offsets([partition]))[partition]
        consumer.assign([partition])
        reader = PartitionReader(consumer, partition, begin)
        answered_ms, answered_at = reader.answered_ms, clock.monotonic()
        while True:
            async with kafka_timeout(_POLL_S):
                records = await reader.take(_POLL_S)
            if reader.answered_ms != answered_ms:
                answered_ms, answered_at = reader.answered_ms, clock.monotonic()
            elif clock.monotonic() - answered_at > SILENCE_S:
                raise KafkaTimeoutError(f"{topic}: no answer for {SILENCE_S:g} s")
            rounds = [_parsed(record.value or b"") for record in records]
            yield [each for each in rounds if each is not None]


def _parsed(value: bytes) -> RolloutStatus | None:
    """The status; None if it is of another version."""
    try:
        return RolloutStatus.model_validate_json(value)
    except ValidationError:
        return None
