"""The outbox: publishes outcomes; what it has had acknowledged may be committed."""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Any, Final

from schemas.completion import Completion, Problem
from schemas.events import Headers, completion_headers, event_id
from schemas.topics import COMPLETIONS, DEAD_LETTERS, LANE_RECORD_BYTES, prefixed
from worker.clock import Clock
from worker.outcome import Outcome, Record

_KEPT_BYTES: Final = 64 * 2**10
_LONGEST_KEY: Final = 64 * 2**10
# Twice a lane's records, less some room for the batch's own bytes.
_LARGEST_LETTER: Final = 2 * LANE_RECORD_BYTES - 2**12


@dataclass(frozen=True)
class Addresses:
    """The topics that the outbox writes, and how its events name their source."""

    completions: str
    dead_letters: str
    source: str

    @classmethod
    def of(cls, topic_prefix: str, group_id: str) -> "Addresses":
        """The addresses of a deployment."""
        return cls(
            prefixed(COMPLETIONS, topic_prefix),
            prefixed(DEAD_LETTERS, topic_prefix),
            f"/chirp-worker/{group_id}",
        )


class Outbox:
    """Publishes by one producer, an aiokafka `AIOKafkaProducer`."""

    def __init__(self, producer: Any, addresses: Addresses, clock: Clock) -> None:
        self._producer = producer
        self._addresses = addresses
        self._clock = clock

    async def publish(self, record: Record, outcome: Outcome) -> "asyncio.Future[Any]":
        """Sends a record's outcome.

        Returns:
            A future that is done when Kafka has acknowledged all of it, and fails as the producer fails.
        """
        sent = []
        if outcome.dead_letter is not None:
            sent.append(await self._send_dead_letter(record, outcome.dead_letter))
        if outcome.completion is not None:
            sent.append(await self._send_completion(record, outcome.completion))
        return sent[0] if len(sent) == 1 else asyncio.gather(*sent)

    async def _send_completion(self, record: Record, completion: Completion) -> "asyncio.Future[Any]":
        headers = completion_headers(
            completion,
            event=event_id(completion.job_id, record.value or b"", completion.status),
            source=self._addresses.source,
            now=self._clock.now(),
        )
        future: asyncio.Future[Any] = await self._producer.send(
            self._addresses.completions,
            value=completion.model_dump_json(exclude_none=True).encode(),
            # A key that no lane's record should have would make the completion too large for its topic.
            key=record.key if len(record.key or b"") <= _LONGEST_KEY else None,
            headers=headers,
        )
        return future

    async def _send_dead_letter(self, record: Record, problem: Problem) -> "asyncio.Future[Any]":
        letter = dead_letter(record, problem, self._clock.now().isoformat())
        future: asyncio.Future[Any] = await self._producer.send(
            self._addresses.dead_letters, value=letter.value, key=letter.key, headers=letter.headers
        )
        return future


@dataclass(frozen=True)
class DeadLetter:
    """A record of the dead letters' topic."""

    key: bytes | None
    value: bytes | None
    headers: Headers


def dead_letter(record: Record, problem: Problem, time: str) -> DeadLetter:
    """A record whole, with the reason; what would be too large for the topic keeps its first 64 KiB and its SHA-256.

    Compression lets a lane take more than the topics' limits say, and a refused record would be refused for ever.
    """
    reason = dead_letter_headers(record, problem, time)
    headers = [*record.headers, *reason]
    size = len(record.key or b"") + len(record.value or b"") + sum(len(n) + len(v or b"") for n, v in headers)
    if size > _LARGEST_LETTER:
        value = record.value or b""
        cut = [("dead-letter-cut", b"true"), ("dead-letter-sha256", hashlib.sha256(value).hexdigest().encode())]
        key = record.key if len(record.key or b"") <= _LONGEST_KEY else None
        return DeadLetter(key, value[:_KEPT_BYTES], [*reason, *cut])
    # Kafka takes no record without both key and value.
    value_or_empty = b"" if record.key is None and record.value is None else record.value
    return DeadLetter(record.key, value_or_empty, headers)


def dead_letter_headers(record: Record, problem: Problem, time: str) -> Headers:
    """The reason and the origin, beside the record's own headers; the value and key stay as they came."""
    described = {
        "class": problem.failure_class,
        "code": problem.code,
        "message": problem.message,
        "field": problem.field or "",
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "timestamp-ms": str(record.timestamp_ms),
        "time": time,
    }
    return [(f"dead-letter-{name}", value.encode("utf-8", "backslashreplace")) for name, value in described.items()]
