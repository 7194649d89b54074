"""Reads the latest completions from the ends of their topic's partitions."""

from typing import Any, Final

from schemas.topics import COMPLETIONS, prefixed
from worker.config.sections import KafkaSettings
from worker.kafka.scan.topic_scanner import TopicScanner, no_progress

_OF_PARTITION: Final = 50


async def latest_completions(settings: KafkaSettings) -> list[Any]:
    """The last 50 records of each partition, in no order.

    Raises:
        TopicError: the topic doesn't exist.
        KafkaTimeoutError: Kafka has stopped answering.
    """
    records: list[Any] = []
    topics = [prefixed(COMPLETIONS, settings.topic_prefix)]
    await TopicScanner(settings, topics, no_progress, last=_OF_PARTITION).scan(records.append)
    return records
