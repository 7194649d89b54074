"""Reads all events of a topic for commands, with progress."""

from collections.abc import Callable
from typing import Any, TypeVar

from schemas.message_parsing import InvalidMessageError
from schemas.topics import prefixed
from worker.cli import terminal
from worker.config.sections import KafkaSettings
from worker.kafka.scan.topic_scanner import TopicScanner

T = TypeVar("T")


async def read_events(settings: KafkaSettings, topic: str, parse: Callable[[bytes | None], T], doing: str) -> list[T]:
    """All events of a topic, in their order; what isn't one is passed over.

    Args:
        topic: without the deployment's prefix.
        parse: a record's value; raises InvalidMessageError for what is no event.
        doing: what the progress says.

    Raises:
        TopicError: the topic doesn't exist.
        KafkaTimeoutError: Kafka has stopped answering.
    """
    found: list[T] = []

    def add(record: Any) -> None:
        try:
            found.append(parse(record.value))
        except InvalidMessageError:
            return

    with terminal.progress(doing) as progress:
        await TopicScanner(settings, [prefixed(topic, settings.topic_prefix)], progress).scan(add)
    return found
