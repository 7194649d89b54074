"""What a dead letter is made of: a record whole, with the reason, where it came from and what was tried. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas import headers as names
from schemas.completion import Attempt, Problem
from schemas.headers import Headers, letter_id, without_headers
from schemas.topics import LANE_RECORD_BYTES
from worker.jobs.outcome import History, Record
from worker.jobs.retry_policy import attempts_json, encoded

KEPT_BYTES: Final = 64 * 2**10
# Twice a lane's records, less some room for the batch's own bytes.
_LARGEST: Final = 2 * LANE_RECORD_BYTES - 2**12
# Of a header's name and value, as Kafka writes them.
_LENGTHS: Final = 10


@dataclass(frozen=True)
class DeadLetter:
    """A record of the dead letters' topic."""

    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def size(self) -> int:
        """Its bytes at most, without the batch's own."""
        headers = sum(_LENGTHS + len(name.encode()) + len(value or b"") for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers

    @property
    def is_cut(self) -> bool:
        """Whether it holds but the first of a record's value."""
        return any(name == names.LETTER_CUT for name, _ in self.headers)


def dead_letter(
    record: Record, problem: Problem, history: History, attempts: tuple[Attempt, ...], now: datetime
) -> DeadLetter:
    """A record whole, with the reason.

    Args:
        record: as it came to its last try.
        problem: the reason.
        history: where the job came from, and its tries before this one.
        attempts: all that was asked of Google, this try's too.
        now: when it failed for good.
    """
    told = {
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
        names.LETTER_ATTEMPTS: attempts_json(attempts),
    }
    own = without_headers(record.headers, names.RETRY_HEADERS | names.LETTER_HEADERS)
    # Kafka takes no record without both key and value.
    value = b"" if record.key is None and record.value is None else record.value
    letter = DeadLetter(record.key, value, [*own, *encoded(told)])
    return letter if letter.size <= _LARGEST else cut(letter)


def cut(letter: DeadLetter) -> DeadLetter:
    """A dead letter that its topic won't take whole: reason, origin, the first 64 KiB and the SHA-256 of the value.

    Compression lets a lane take more than the topics' limits say, and a refused record would be refused for ever.
    """
    if letter.is_cut:
        return letter
    value = letter.value or b""
    reason = [each for each in letter.headers if each[0] in names.LETTER_HEADERS]
    marks = [(names.LETTER_CUT, b"true"), (names.LETTER_SHA256, hashlib.sha256(value).hexdigest().encode())]
    key = letter.key if len(letter.key or b"") <= KEPT_BYTES else None
    return DeadLetter(key, value[:KEPT_BYTES], [*reason, *marks])
