"""Reads one line's whole way out of the topics that hold jobs, completions, dead letters and cancellations."""

import asyncio
from datetime import timedelta
from typing import Final

from schemas.topics import all_topics, prefixed
from worker.console.web.lines.history import LineHistory
from worker.console.web.parts import ConsoleParts
from worker.kafka.client.access import hidden_topics
from worker.kafka.client.admin import connect_admin
from worker.kafka.scan.topic_scanner import TopicScanner, no_progress

_LONGEST_S: Final = 60.0
_NOT_SEARCHED: Final = frozenset(
    {"tts.streams", "tts.rollout", "tts.rollout-status", "tts.feedback", "tts.votes", "tts.pairs", "tts.verdicts"}
)


async def read_history(parts: ConsoleParts, job_id: str, age: timedelta | None) -> LineHistory:
    """The history of a line.

    Args:
        job_id: of any of its jobs.
        age: how far back; None: all that Kafka keeps.

    Raises:
        TopicError, KafkaError, TimeoutError: Kafka doesn't answer.
    """
    settings = parts.settings
    rows = all_topics(settings.delivery.retry_delays)
    topics = [prefixed(each.name, settings.kafka.topic_prefix) for each in rows if each.name not in _NOT_SEARCHED]
    history = LineHistory(job_id, settings.kafka.topic_prefix)
    since = None if age is None else parts.clock.now() - age
    async with parts.one_scan, asyncio.timeout(_LONGEST_S):
        async with connect_admin(settings.kafka) as admin:
            hidden = await hidden_topics(admin, topics)
        searched = [each for each in topics if each not in hidden]
        await TopicScanner(settings.kafka, searched, no_progress, since).scan(history.add)
    return history
