"""The Kafka headers of job records, retry records and dead letters, besides the producer's own headers. Pure."""

import hashlib
import re
from typing import Final

Headers = list[tuple[str, bytes]]

CE_WORKER: Final = "ce_worker"
"""On a completion: the worker that published it. `rollout status` shows which revision each one follows."""

CE_STREAM: Final = "ce_stream"
"""On the records of a stream: its id. Another try of the same job is another stream."""
CE_NUMBER: Final = "ce_number"
"""On a chunk: its number in the stream, 1 and up."""
CE_ENCODING: Final = "ce_encoding"
"""On a chunk: the encoding of the file that all chunks together are."""
CE_SAMPLE_RATE: Final = "ce_samplerate"
"""On a chunk: samples per second, in Hz."""

RETRY_DUE_MS: Final = "retry-due-ms"
RETRY_TRIES: Final = "retry-tries"
RETRY_FIRST_SEEN: Final = "retry-first-seen"
RETRY_TOPIC: Final = "retry-origin-topic"
RETRY_PARTITION: Final = "retry-origin-partition"
RETRY_OFFSET: Final = "retry-origin-offset"
RETRY_TIMESTAMP_MS: Final = "retry-origin-timestamp-ms"
RETRY_ERROR_CLASS: Final = "retry-error-class"
RETRY_ERROR_CODE: Final = "retry-error-code"
RETRY_ERROR_MESSAGE: Final = "retry-error-message"
RETRY_ATTEMPTS: Final = "retry-attempts"
"""A JSON array of the completion's `Attempt`: all attempts of the earlier tries."""

LETTER_ID: Final = "dead-letter-id"
"""Always the same for the same record of a lane, even if its dead letter is written more than once."""
LETTER_CLASS: Final = "dead-letter-class"
LETTER_CODE: Final = "dead-letter-code"
LETTER_MESSAGE: Final = "dead-letter-message"
LETTER_FIELD: Final = "dead-letter-field"
LETTER_LANE: Final = "dead-letter-lane"
LETTER_TOPIC: Final = "dead-letter-topic"
LETTER_PARTITION: Final = "dead-letter-partition"
LETTER_OFFSET: Final = "dead-letter-offset"
LETTER_TIMESTAMP_MS: Final = "dead-letter-timestamp-ms"
LETTER_TRIES: Final = "dead-letter-tries"
LETTER_FIRST_SEEN: Final = "dead-letter-first-seen"
LETTER_TIME: Final = "dead-letter-time"
LETTER_ATTEMPTS: Final = "dead-letter-attempts"
LETTER_CUT: Final = "dead-letter-cut"
LETTER_SHA256: Final = "dead-letter-sha256"

REPLAYED_ID: Final = "dead-letter-replayed"
"""Makes a record of the dead-letter topic a marker: the dead letter with this id was replayed."""
REPLAYED_TIME: Final = "dead-letter-replayed-time"

REPLAY_NUMBER: Final = "replay-number"
"""On a job's record in its lane: how often it was replayed, 1 and up. Part of its completion's event id."""
REPLAY_OF: Final = "replay-of"
"""On a job's record in its lane: the id of the dead letter that it was replayed from."""

TRACE_PARENT: Final = "traceparent"
"""W3C Trace Context: the trace, and the span that sent the record."""
TRACE_STATE: Final = "tracestate"
"""W3C Trace Context: what tracing systems add to it."""
TRACE_CONTEXT_HEADERS: Final = frozenset({TRACE_PARENT, TRACE_STATE})
"""On each record that is sent with traces on; without them a producer's own pass on unchanged."""

RETRY_HEADERS: Final = frozenset(
    {
        RETRY_DUE_MS,
        RETRY_TRIES,
        RETRY_FIRST_SEEN,
        RETRY_TOPIC,
        RETRY_PARTITION,
        RETRY_OFFSET,
        RETRY_TIMESTAMP_MS,
        RETRY_ERROR_CLASS,
        RETRY_ERROR_CODE,
        RETRY_ERROR_MESSAGE,
        RETRY_ATTEMPTS,
    }
)
"""On a job's record in a `tts.retry.*` topic; only the worker writes them."""

LETTER_HEADERS: Final = frozenset(
    {
        LETTER_ID,
        LETTER_CLASS,
        LETTER_CODE,
        LETTER_MESSAGE,
        LETTER_FIELD,
        LETTER_LANE,
        LETTER_TOPIC,
        LETTER_PARTITION,
        LETTER_OFFSET,
        LETTER_TIMESTAMP_MS,
        LETTER_TRIES,
        LETTER_FIRST_SEEN,
        LETTER_TIME,
        LETTER_ATTEMPTS,
        LETTER_CUT,
        LETTER_SHA256,
        REPLAYED_ID,
        REPLAYED_TIME,
    }
)
"""On a record of the dead-letter topic."""

LARGEST_NUMBER: Final = 2**63 - 1
"""Of a header: Kafka's own numbers have 8 bytes."""
MOST_REPLAYS: Final = 1_000_000
"""A higher `replay-number` counts as missing."""

REPLAY_HEADERS: Final = frozenset({REPLAY_NUMBER, REPLAY_OF})
"""On a job's record that was replayed."""

_EVENT_HEADERS: Final = frozenset(
    {"content-type"}
    | {
        f"ce_{name}"
        for name in ("specversion", "type", "source", "id", "time", "subject", "datacontenttype", "dataschema")
    }
)
"""What describes a job's own event; its completion is another one. CloudEvents' extensions pass."""
_TRACE_HEADERS: Final = TRACE_CONTEXT_HEADERS | {"baggage", "b3", "correlation-id", "x-correlation-id"}
MOST_PASSED_HEADERS: Final = 32
MOST_PASSED_BYTES: Final = 8192


def header_text(headers: Headers, name: str) -> str | None:
    """The text of the last header with this name; None if there is no such header, or it isn't UTF-8."""
    for found, value in reversed(headers):
        if found == name:
            try:
                return bytes(value or b"").decode()
            except UnicodeDecodeError:
                return None
    return None


def header_number(headers: Headers, name: str, most: int = LARGEST_NUMBER) -> int | None:
    """The value of a header as an integer, 0 to `most`; None if there is no such header, or it holds anything else."""
    text = header_text(headers, name)
    number = int(text) if text is not None and re.fullmatch(r"[0-9]{1,19}", text) else None
    return None if number is None or number > most else number


def without_headers(headers: Headers, names: frozenset[str]) -> Headers:
    """The headers with other names. Only exact matches are dropped: the producer's own may have similar names."""
    return [(name, value) for name, value in headers if name not in names]


def passed_headers(headers: Headers) -> Headers:
    """The producer's own headers of a job, for its completion.

    At most 32 of them with 8,192 bytes of names and values: those of tracing first, then the others in their order. One
    that doesn't fit is left out whole.
    """
    ours = RETRY_HEADERS | LETTER_HEADERS | REPLAY_HEADERS
    passed: dict[int, tuple[str, bytes]] = {}
    left = MOST_PASSED_BYTES
    own = [
        (number, name, value)
        for number, (name, value) in enumerate(headers)
        if name not in ours and name.lower() not in _EVENT_HEADERS
    ]
    for number, name, value in sorted(own, key=lambda each: each[1].lower() not in _TRACE_HEADERS):
        size = len(name.encode()) + len(value or b"")
        if size <= left and len(passed) < MOST_PASSED_HEADERS:
            passed[number] = (name, value)
            left -= size
    return [passed[number] for number in sorted(passed)]


def letter_id(topic: str, partition: int, offset: int) -> str:
    """The id of a dead letter, 16 hexadecimal digits; always the same for the same record of a lane.

    Args:
        topic: the lane's topic that the job first arrived in, as it is named in the cluster.
    """
    return hashlib.sha256(f"{topic}\n{partition}\n{offset}".encode()).hexdigest()[:16]
