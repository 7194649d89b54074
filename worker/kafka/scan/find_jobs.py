"""Finds what was asked for: a line's job in the lanes, and its takes in the lanes and among the completions."""

import json
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from schemas.errors import UnavailableError
from schemas.job import Job
from schemas.parsing import InvalidJobError, parse_job
from schemas.topics import COMPLETIONS, LANES, prefixed
from schemas.words import Lane
from worker.config.sections import KafkaSettings
from worker.jobs.redo import line_of
from worker.kafka.scan.topic_scanner import Progress, TopicScanner


@dataclass
class FoundJob:
    """A job as it stands in its lane, the takes that its line's jobs there asked for, and when the first of them came.

    `lane`, `key` and `since` are None of a job that a file gave.
    """

    job: Job
    lane: Lane | None = None
    key: bytes | None = None
    takes: set[int] = field(default_factory=set)
    since: datetime | None = None


async def find_job_by_audio(settings: KafkaSettings, key: str, progress: Progress) -> str:
    """The id of the job that was last answered with a take.

    Args:
        settings: of the cluster.
        key: of the take.
        progress: is told how far the completions are read.

    Raises:
        UnavailableError: no completion that is kept tells of it.
    """
    found: tuple[int, str] | None = None
    reader = TopicScanner(settings, [prefixed(COMPLETIONS, settings.topic_prefix)], progress)
    async with aclosing(reader.batches()) as batches:
        async for batch in batches:
            for record in batch:
                told = _told(record.value)
                audio = told.get("audio")
                if isinstance(audio, dict) and audio.get("key") == key and isinstance(told.get("job_id"), str):
                    found = max(found or (0, ""), (record.timestamp, told["job_id"]))
    if found is None:
        raise UnavailableError(
            f"no completion that is kept has the audio {key}; `topics create` says how long they are"
        )
    return found[1]


async def find_job(settings: KafkaSettings, job_id: str, max_text_bytes: int, progress: Progress) -> FoundJob:
    """The job of an id, as it was asked for last.

    Args:
        settings: of the cluster.
        job_id: of a job, or of one that asked for its line's next take.
        max_text_bytes: the longest `text`, in bytes of UTF-8.
        progress: is told how far the lanes are read.

    Raises:
        UnavailableError: no record of the lanes that is kept has this id.
    """
    line, lanes = line_of(job_id), {prefixed(topic, settings.topic_prefix): lane for lane, topic in LANES.items()}
    found: tuple[int, Job, Lane, bytes | None] | None = None
    takes: set[int] = set()
    first_ms: int | None = None
    reader = TopicScanner(settings, list(lanes), progress)
    async with aclosing(reader.batches()) as batches:
        async for batch in batches:
            for record in batch:
                if line_of(str(_told(record.value).get("job_id", ""))) != line:
                    continue
                try:
                    job = parse_job(record.value, max_text_bytes=max_text_bytes)
                except InvalidJobError:
                    continue
                takes.add(job.take)
                first_ms = min(first_ms or record.timestamp, record.timestamp)
                if job.job_id == job_id and (found is None or record.timestamp >= found[0]):
                    found = (record.timestamp, job, lanes[record.topic], record.key)
    if found is None or first_ms is None:
        raise UnavailableError(
            f"no lane keeps a job {job_id} (any more); give it whole, as it was asked for, with --job"
        )
    return FoundJob(*found[1:], takes, datetime.fromtimestamp(first_ms / 1000, UTC))


async def completed_takes(settings: KafkaSettings, asked: FoundJob, progress: Progress) -> set[int]:
    """The takes that completions tell of a line, by its jobs' ids.

    Args:
        settings: of the cluster.
        asked: a job of the line.
        progress: is told how far the completions are read.
    """
    line, takes = line_of(asked.job.job_id), set()
    reader = TopicScanner(settings, [prefixed(COMPLETIONS, settings.topic_prefix)], progress, asked.since)
    async with aclosing(reader.batches()) as batches:
        async for batch in batches:
            for record in batch:
                told = _told(record.value)
                take = told.get("take")
                if line_of(str(told.get("job_id", ""))) == line and isinstance(take, int):
                    takes.add(take)
    return takes


def _told(value: bytes | None) -> dict[str, Any]:
    try:
        document = json.loads(value or b"")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
