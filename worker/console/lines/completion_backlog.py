"""Reads completions again from where a client's stream broke off, as far as Kafka keeps them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from schemas.topics import COMPLETIONS, prefixed
from worker.config.sections import KafkaSettings
from worker.console.lines.event_positions import Positions, Resumption
from worker.console.lines.event_streams import CompletionEvent
from worker.console.lines.kafka_records import completion_event
from worker.kafka.scan.topic_scanner import TopicScanner, no_progress

# Each has a consumer of its own, with some megabytes: after a restart all clients come back at once.
_AT_ONCE: Final = 8


class CompletionBacklog:
    """The completions between a client's last event and now."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def read(self, since: Positions) -> AsyncGenerator[CompletionEvent | Resumption, None]:
        """The completions from these positions to the topic's present end, one partition after the other.

        First comes where that begins.

        Raises:
            TopicError: there is no such topic.
            KafkaError: Kafka doesn't answer.
        """
        topic = prefixed(COMPLETIONS, self._settings.topic_prefix)
        scanner = TopicScanner(self._settings, [topic], no_progress, starts=since)
        is_first = True
        async with self._places, aclosing(scanner.batches()) as batches:
            async for batch in batches:
                if is_first:
                    is_first = False
                    yield Resumption(scanner.begins, scanner.has_gap)
                for record in batch:
                    if (event := completion_event(record)) is not None:
                        yield event
        if is_first:
            yield Resumption(scanner.begins, scanner.has_gap)
