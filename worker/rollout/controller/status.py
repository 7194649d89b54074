"""Publishes and reads the controller's last round: the last record of `tts.rollout-status`."""

from pydantic import ValidationError

from schemas.rollout_status import RolloutStatus
from schemas.topics import ROLLOUT_STATUS, prefixed
from worker.config.sections import KafkaSettings
from worker.kafka.client.consumer import standalone_consumer
from worker.kafka.client.producer import connect_producer
from worker.kafka.client.timeout import kafka_timeout
from worker.kafka.client.topics import TopicError, list_partitions

_WAIT_MS = 3000


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
            (partition,) = await list_partitions(settings, topic)
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
    try:
        return RolloutStatus.model_validate_json(values[-1]) if values else None
    except ValidationError:
        return None
