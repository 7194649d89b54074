"""All events as CloudEvents 1.0 in Kafka's binary mode (Kafka protocol binding 1.0, 3.2). Pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas.audio_stream import StreamEnd
from schemas.batch_run import BatchRun
from schemas.cancellation import Cancellation
from schemas.completion import Completion
from schemas.enums import AudioEncoding
from schemas.feedback import Feedback
from schemas.headers import CE_ENCODING, CE_NUMBER, CE_SAMPLE_RATE, CE_STREAM, CE_WORKER, Headers
from schemas.pair import Pair
from schemas.verdict import Verdict
from schemas.vote import Vote

COMPLETION_TYPE: Final = "chirp-worker.completion.v1"
AUDIO_CHUNK_TYPE: Final = "chirp-worker.audio-chunk.v1"
STREAM_END_TYPE: Final = "chirp-worker.stream-end.v1"
FEEDBACK_TYPE: Final = "chirp-worker.feedback.v1"
VOTE_TYPE: Final = "chirp-worker.vote.v1"
CANCELLATION_TYPE: Final = "chirp-worker.cancellation.v1"
PAIR_TYPE: Final = "chirp-worker.pair.v1"
BATCH_RUN_TYPE: Final = "chirp-worker.batch-run.v1"
VERDICT_TYPE: Final = "chirp-worker.verdict.v1"


def event_id(job_id: str, content: bytes, status: str, replay: int = 0) -> str:
    """The id of a completion's event: a repeat of the same outcome of the same record has the same id, no other has.

    Args:
        content: the value of the job's record, unchanged.
        replay: how often the record was replayed from the dead letters, 0 and up.
    """
    content_hash = hashlib.sha256(content).hexdigest()
    # job_id and status have no newline, so different outcomes never produce the same input of the digest.
    return hashlib.sha256(f"{job_id}\n{content_hash}\n{status}\n{replay}".encode()).hexdigest()[:32]


def completion_headers(completion: Completion, *, event: str, source: str, now: datetime, worker: str = "") -> Headers:
    """The `ce_*` headers of a completion's record; its value is the completion's JSON.

    Args:
        event: the event's id, from `event_id`.
        source: a URI reference that names the worker's consumer group.
        now: when the job ended, with a time zone.
        worker: the worker's name, an extension attribute; empty leaves it out.
    """
    headers = _event_headers(COMPLETION_TYPE, event, source, now, completion.job_id)
    return [*headers, (CE_WORKER, worker.encode())] if worker else headers


@dataclass(frozen=True)
class StreamAddress:
    """What the events of one stream have in common.

    Attributes:
        stream: the stream's id.
        source: a URI reference that names the worker's consumer group.
    """

    job_id: str
    stream: str
    source: str


def chunk_headers(
    address: StreamAddress,
    number: int,
    *,
    encoding: AudioEncoding,
    sample_rate: int,
    media_type: str,
    now: datetime,
) -> Headers:
    """The headers of a chunk's record; its value is plain audio.

    Args:
        number: 1 and up.
        encoding: of the file that all chunks are together.
        sample_rate: in Hz.
        media_type: of that file.
        now: when the chunk came, with a time zone.
    """
    event = f"{address.stream}/{number}"
    headers = _event_headers(AUDIO_CHUNK_TYPE, event, address.source, now, address.job_id, media_type=media_type)
    return [
        *headers,
        (CE_STREAM, address.stream.encode()),
        (CE_NUMBER, str(number).encode()),
        (CE_ENCODING, encoding.value.encode()),
        (CE_SAMPLE_RATE, str(sample_rate).encode()),
    ]


def stream_end_headers(address: StreamAddress, end: StreamEnd, *, now: datetime) -> Headers:
    """The headers of a stream's last record; its value is the end's JSON."""
    headers = _event_headers(STREAM_END_TYPE, f"{address.stream}/end", address.source, now, end.job_id)
    return [*headers, (CE_STREAM, address.stream.encode())]


def feedback_headers(feedback: Feedback) -> Headers:
    """The `ce_*` headers of a feedback's record; its value is the feedback's JSON."""
    subject = feedback.job_id or feedback.audio or ""
    return _event_headers(FEEDBACK_TYPE, feedback.feedback_id, feedback.source, feedback.time, subject)


def vote_headers(vote: Vote) -> Headers:
    """The `ce_*` headers of a vote's record; its value is the vote's JSON."""
    return _event_headers(VOTE_TYPE, vote.vote_id, vote.source, vote.time, vote.line)


def cancellation_headers(cancellation: Cancellation) -> Headers:
    """The `ce_*` headers of a cancellation's record; its value is the cancellation's JSON."""
    each = cancellation
    return _event_headers(CANCELLATION_TYPE, each.cancellation_id, each.source, each.time, each.job_id)


def pair_headers(pair: Pair) -> Headers:
    """The `ce_*` headers of a pair's record; its value is the pair's JSON."""
    return _event_headers(PAIR_TYPE, pair.pair_id, pair.source, pair.time, pair.line)


def batch_run_headers(run: BatchRun) -> Headers:
    """The `ce_*` headers of a run's report; its value is the report's JSON."""
    event = f"{run.run_id}-{run.time.timestamp():.3f}"
    return _event_headers(BATCH_RUN_TYPE, event, run.source, run.time, run.run_id)


def verdict_headers(verdict: Verdict) -> Headers:
    """The `ce_*` headers of a verdict's record; its value is the verdict's JSON."""
    return _event_headers(VERDICT_TYPE, verdict.verdict_id, verdict.source, verdict.at, verdict.line)


def _event_headers(
    event_type: str, event: str, source: str, time: datetime, subject: str, *, media_type: str = "application/json"
) -> Headers:
    return [
        ("ce_specversion", b"1.0"),
        ("ce_type", event_type.encode()),
        ("ce_source", source.encode()),
        ("ce_id", event.encode()),
        ("ce_time", time.isoformat().encode()),
        ("ce_subject", subject.encode()),
        ("content-type", media_type.encode()),
    ]
