"""Completions as CloudEvents 1.0 in Kafka's binary mode (CloudEvents Kafka protocol binding 1.0, section 3.2). Pure."""

import hashlib
from datetime import datetime
from typing import Final

from schemas.completion import Completion
from schemas.headers import CE_WORKER, Headers

COMPLETION_TYPE: Final = "chirp-worker.completion.v1"


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
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_type", COMPLETION_TYPE.encode()),
        ("ce_source", source.encode()),
        ("ce_id", event.encode()),
        ("ce_time", now.isoformat().encode()),
        ("ce_subject", completion.job_id.encode()),
        ("content-type", b"application/json"),
    ]
    return [*headers, (CE_WORKER, worker.encode())] if worker else headers
