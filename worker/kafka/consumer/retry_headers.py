"""The headers in which a job takes its history along through the retry topics: their codec. Pure."""

from datetime import datetime
from typing import Final

from pydantic import TypeAdapter, ValidationError

from schemas import headers as names
from schemas.completion import Attempt
from schemas.headers import Headers, header_number, header_text, without_headers
from schemas.times import known_ms
from schemas.topics import delay_seconds
from worker.jobs.outcome import History, Retry
from worker.jobs.retry_policy import longest_jitter_s
from worker.kafka.consumer.record import Record

_MOST_PARTITIONS: Final = 2**31 - 1
_MOST_TRIES: Final = 1000
_ATTEMPTS: Final = TypeAdapter(tuple[Attempt, ...])


def read_history(record: Record, now: datetime) -> History:
    """The history of a record's job; `now` is when the record is seen.

    Headers of a retry topic that can't be read count as missing.
    """
    topic = header_text(record.headers, names.RETRY_TOPIC)
    partition = header_number(record.headers, names.RETRY_PARTITION, _MOST_PARTITIONS)
    offset = header_number(record.headers, names.RETRY_OFFSET)
    # In a lane's own topic the headers are the producer's, whatever they are called.
    if record.delay is None or topic is None or partition is None or offset is None:
        return History(record.topic, record.partition, record.offset, record.timestamp_ms, now.isoformat())
    timestamp = known_ms(header_number(record.headers, names.RETRY_TIMESTAMP_MS), int(now.timestamp() * 1000))
    return History(
        topic,
        partition,
        offset,
        record.timestamp_ms if timestamp is None else timestamp,
        header_text(record.headers, names.RETRY_FIRST_SEEN) or now.isoformat(),
        header_number(record.headers, names.RETRY_TRIES, _MOST_TRIES) or 1,
        _decode_attempts(header_text(record.headers, names.RETRY_ATTEMPTS)),
    )


def due_ms(record: Record, delay: str) -> int:
    """When a record of the retry topic of `delay` is due, in ms since 1970; never later than its jitter allows."""
    longest = int(1000 * longest_wait_s(delay))
    due = known_ms(header_number(record.headers, names.RETRY_DUE_MS))
    # The record is a moment younger than the time that its header was made of.
    return min(due, record.timestamp_ms + longest) if due is not None else record.timestamp_ms + longest


def longest_wait_s(delay: str) -> float:
    """How long a retry of `delay` waits at most, in seconds."""
    return delay_seconds(delay) + longest_jitter_s(delay)


def retry_headers(record: Record, history: History, retry: Retry) -> Headers:
    """The headers of a retry record: the producer's own, and the job's history."""
    problem = retry.problem
    own = {
        names.RETRY_DUE_MS: str(retry.due_ms),
        names.RETRY_TRIES: str(history.tries + 1),
        names.RETRY_FIRST_SEEN: history.first_seen,
        names.RETRY_TOPIC: history.topic,
        names.RETRY_PARTITION: str(history.partition),
        names.RETRY_OFFSET: str(history.offset),
        names.RETRY_TIMESTAMP_MS: str(history.timestamp_ms),
        names.RETRY_ERROR_CLASS: problem.failure_class,
        names.RETRY_ERROR_CODE: problem.code,
        names.RETRY_ERROR_MESSAGE: problem.message,
        names.RETRY_ATTEMPTS: encode_attempts(retry.failed.attempts),
    }
    return [*without_headers(record.headers, names.RETRY_HEADERS), *encode_headers(own)]


def encode_attempts(attempts: tuple[Attempt, ...]) -> str:
    """Attempts as the header's JSON array."""
    return _ATTEMPTS.dump_json(attempts, exclude_none=True).decode()


def encode_headers(values: dict[str, str]) -> Headers:
    """Header values as bytes; what isn't Unicode (a lone surrogate) is escaped."""
    return [(name, value.encode("utf-8", "backslashreplace")) for name, value in values.items()]


def _decode_attempts(text: str | None) -> tuple[Attempt, ...]:
    try:
        return _ATTEMPTS.validate_json(text or "[]")
    except ValidationError:
        return ()
