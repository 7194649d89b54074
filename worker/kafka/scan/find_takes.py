"""Finds the audio keys that completion events reference."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Any

from schemas.topics import COMPLETIONS, prefixed
from worker.config.sections import KafkaSettings
from worker.kafka.scan.topic_scanner import ProgressCallback, TopicScanner


async def referenced_takes(
    settings: KafkaSettings, bucket: str, prefix: str, since: datetime | None, progress: ProgressCallback
) -> AsyncGenerator[list[str], None]:
    """The keys of takes referenced by completion events, in batches; a key comes once for each reference.

    Args:
        bucket: references to other buckets are left out.
        prefix: keys that don't start with it are left out.
        since: completions before it aren't read; None for all that Kafka keeps.
        progress: is called with the offsets read and the total.

    Raises:
        TopicError: the topic of completions doesn't exist.
        KafkaTimeoutError: Kafka has stopped answering.
    """
    scanner = TopicScanner(settings, [prefixed(COMPLETIONS, settings.topic_prefix)], progress, since)
    async with aclosing(scanner.batches()) as batches:
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
