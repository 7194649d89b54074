"""The takes that completions tell of."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Any

from schemas.topics import COMPLETIONS, prefixed
from worker.config.sections import KafkaSettings
from worker.kafka.scan.topic_scanner import Progress, TopicScanner


async def referenced_takes(
    settings: KafkaSettings, bucket: str, prefix: str, since: datetime | None, progress: Progress
) -> AsyncGenerator[list[str], None]:
    """The keys of the takes that completions tell of, some at once; one as often as it was told.

    Args:
        settings: of the cluster.
        bucket: of the takes.
        prefix: what their keys begin with.
        since: completions before it aren't read; None for all that are kept.
        progress: is told how far the completions are read.

    Raises:
        TopicError: there is no topic of completions.
        KafkaTimeoutError: Kafka has ceased to answer.
    """
    reader = TopicScanner(settings, [prefixed(COMPLETIONS, settings.topic_prefix)], progress, since)
    async with aclosing(reader.batches()) as batches:
        async for batch in batches:
            audios = (_audio(record.value) for record in batch)
            keys = [audio["key"] for audio in audios if audio.get("bucket") == bucket]
            yield [key for key in keys if isinstance(key, str) and key.startswith(prefix)]


def _audio(value: bytes | None) -> dict[str, Any]:
    try:
        audio = json.loads(value or b"").get("audio")
    except (ValueError, AttributeError, RecursionError):
        return {}
    return audio if isinstance(audio, dict) and "key" in audio else {}
