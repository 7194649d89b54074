"""Builds the record of a dead letter: the failed record unchanged, with its reason, origin and attempts. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas import headers as names
from schemas.completion import Attempt, Problem
from schemas.headers import Headers, letter_id, without_headers
from schemas.topics import LANE_RECORD_BYTES
from worker.jobs.outcome import History
from worker.kafka.consumer.record import Record
from worker.kafka.consumer.retry_headers import encode_attempts, encode_headers

KEPT_BYTES: Final = 64 * 2**10
"""How much of a value a truncated dead letter keeps."""
# Long enough for each reason's beginning, and for all other headers.
_BARE_BYTES: Final = 200
# Twice the limit of a lane's record, less the overhead of Kafka's record batch.
_LARGEST: Final = 2 * LANE_RECORD_BYTES - 2**12
# Kafka writes two lengths for each header; together they take at most 10 bytes.
_LENGTHS: Final = 10


@dataclass(frozen=True)
class DeadLetterRecord:
    """A record for the dead-letter topic."""

    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def size(self) -> int:
        """An upper bound of its bytes, without the overhead of Kafka's record batch."""
        headers = sum(_LENGTHS + len(name.encode()) + len(value or b"") for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers

    @property
    def is_truncated(self) -> bool:
        """Whether it holds only the beginning of the failed record's value."""
        return any(name == names.LETTER_CUT for name, _ in self.headers)


def build_dead_letter(
    record: Record, problem: Problem, history: History, attempts: tuple[Attempt, ...], now: datetime
) -> DeadLetterRecord:
    """Builds a dead letter; one that exceeds the topic's limit is truncated.

    Args:
        record: the record of the last try.
        problem: why the job failed.
        history: the job's origin and its earlier tries.
        attempts: the attempts of all tries, the last one included.
        now: when the job failed for good.
    """
    reason = {
        names.LETTER_ID: letter_id(history.topic, history.partition, history.offset),
        names.LETTER_CLASS: problem.failure_class,
        names.LETTER_CODE: problem.code,
        names.LETTER_MESSAGE: problem.message,
        names.LETTER_FIELD: problem.field or "",
        names.LETTER_LANE: record.lane.value,
        names.LETTER_TOPIC: history.topic,
        names.LETTER_PARTITION: str(history.partition),
        names.LETTER_OFFSET: str(history.offset),
        names.LETTER_TIMESTAMP_MS: str(history.timestamp_ms),
        names.LETTER_TRIES: str(history.tries + 1),
        names.LETTER_FIRST_SEEN: history.first_seen,
        names.LETTER_TIME: now.isoformat(),
        names.LETTER_ATTEMPTS: encode_attempts(attempts),
    }
    own = without_headers(record.headers, names.RETRY_HEADERS | names.LETTER_HEADERS)
    # Kafka rejects a record that has neither a key nor a value.
    value = b"" if record.key is None and record.value is None else record.value
    letter = DeadLetterRecord(record.key, value, [*own, *encode_headers(reason)])
    return letter if letter.size <= _LARGEST else truncate(letter)


def truncate(letter: DeadLetterRecord) -> DeadLetterRecord:
    """Shortens a dead letter that its topic rejects as too large.

    It keeps the reason, the origin, the first 64 KiB of the value and the value's SHA-256. Compression lets a lane
    accept records above the topics' limits; without truncation the dead-letter topic would reject such a record
    for ever.
    """
    if letter.is_truncated:
        return letter
    value = letter.value or b""
    reason = [each for each in letter.headers if each[0] in names.LETTER_HEADERS]
    marks = [(names.LETTER_CUT, b"true"), (names.LETTER_SHA256, hashlib.sha256(value).hexdigest().encode())]
    key = letter.key if len(letter.key or b"") <= KEPT_BYTES else None
    return DeadLetterRecord(key, value[:KEPT_BYTES], [*reason, *marks])


def bare_letter(letter: DeadLetterRecord) -> DeadLetterRecord:
    """The smallest dead letter: its reason and origin, and nothing of the failed record but its value's SHA-256."""
    short = truncate(letter)
    headers = [(name, value[:_BARE_BYTES]) for name, value in short.headers if name != names.LETTER_ATTEMPTS]
    key = short.key if len(short.key or b"") <= _BARE_BYTES else None
    return DeadLetterRecord(key, b"", headers)
