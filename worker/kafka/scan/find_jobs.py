"""Finds a line's job in the lanes, and its takes in the lanes and among the completions."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from schemas.enums import Lane
from schemas.errors import UnavailableError
from schemas.job import Job
from schemas.parsing import InvalidJobError, job_document, parse_job
from schemas.times import known_ms
from schemas.topics import COMPLETIONS, LANES, prefixed
from worker.config.sections import KafkaSettings
from worker.jobs.redo import line_of, next_job
from worker.kafka.client.access import hidden_topics
from worker.kafka.client.admin import connect_admin
from worker.kafka.scan.topic_scanner import ProgressCallback, TopicScanner


@dataclass
class FoundJob:
    """A job of a line, with what the lane knows of that line.

    Attributes:
        lane: None for a job from a file.
        key: the record's key.
        takes: the take numbers of the line's jobs in the lanes.
        since: when the first of these jobs was sent; None for a job from a file.
    """

    job: Job
    lane: Lane | None = None
    key: bytes | None = None
    takes: set[int] = field(default_factory=set)
    since: datetime | None = None


async def find_job_by_audio(settings: KafkaSettings, key: str, progress: ProgressCallback) -> str:
    """The id of the last job that completed with a take.

    Args:
        key: of the take.
        progress: is called with the offsets read and the total.

    Raises:
        UnavailableError: no completion that Kafka keeps references the take.
    """
    found: tuple[int, str] | None = None

    def match(record: Any) -> None:
        nonlocal found
        completion = _json_object(record.value)
        audio, job_id = completion.get("audio"), completion.get("job_id")
        if isinstance(audio, dict) and audio.get("key") == key and isinstance(job_id, str):
            found = max(found or (0, ""), (record.timestamp, job_id))

    await TopicScanner(settings, [prefixed(COMPLETIONS, settings.topic_prefix)], progress).scan(match)
    if found is None:
        raise UnavailableError(
            f"no completion that Kafka keeps has the audio {key}; `topics create` shows how long it keeps them"
        )
    return found[1]


async def find_job(settings: KafkaSettings, job_id: str, max_text_bytes: int, progress: ProgressCallback) -> FoundJob:
    """The last job that was sent with an id. A lane that this login may not see isn't searched.

    Args:
        job_id: of the line's first job, or of a job for one of its later takes.
        max_text_bytes: the longest `text`, in bytes of UTF-8.
        progress: is called with the offsets read and the total.

    Raises:
        UnavailableError: no record that the lanes keep has this id; the message names lanes that weren't searched.
    """
    search = _JobSearch(job_id, max_text_bytes, settings.topic_prefix)
    async with connect_admin(settings) as admin:
        hidden = await hidden_topics(admin, list(search.lanes))
    await TopicScanner(settings, [each for each in search.lanes if each not in hidden], progress).scan(search.match)
    return search.result(unsearched=hidden)


class _JobSearch:
    def __init__(self, job_id: str, max_text_bytes: int, topic_prefix: str) -> None:
        self.lanes = {prefixed(topic, topic_prefix): lane for lane, topic in LANES.items()}
        self._job_id = job_id
        self._line = line_of(job_id)
        self._max_text_bytes = max_text_bytes
        self._found: tuple[int, Job, Lane, bytes | None] | None = None
        self._takes: set[int] = set()
        self._first_ms: int | None = None

    def match(self, record: Any) -> None:
        if line_of(_job_id(record.value)) != self._line:
            return
        try:
            job = parse_job(record.value, max_text_bytes=self._max_text_bytes)
        except InvalidJobError:
            return
        self._takes.add(job.take)
        sent_ms = known_ms(record.timestamp) or 0
        self._first_ms = sent_ms if self._first_ms is None else min(self._first_ms, sent_ms)
        if job.job_id == self._job_id and (self._found is None or sent_ms >= self._found[0]):
            self._found = (sent_ms, job, self.lanes[record.topic], record.key)

    def result(self, unsearched: Sequence[str] = ()) -> FoundJob:
        if self._found is None or self._first_ms is None:
            beyond = f", and this login may not read {', '.join(unsearched)}" if unsearched else ""
            raise UnavailableError(
                f"no lane keeps a job {self._job_id} (any more){beyond}; pass the whole job, as it was sent, with --job"
            )
        _, job, lane, key = self._found
        return FoundJob(job, lane, key, self._takes, datetime.fromtimestamp(self._first_ms / 1000, UTC))


async def completed_takes(settings: KafkaSettings, found: FoundJob, progress: ProgressCallback) -> set[int]:
    """The take numbers in the completions of a line's jobs.

    Args:
        found: a job of the line; completions before its `since` aren't read.
        progress: is called with the offsets read and the total.
    """
    line = line_of(found.job.job_id)
    takes: set[int] = set()

    def match(record: Any) -> None:
        completion = _json_object(record.value)
        take = completion.get("take")
        if line_of(str(completion.get("job_id", ""))) == line and isinstance(take, int):
            takes.add(take)

    topics = [prefixed(COMPLETIONS, settings.topic_prefix)]
    await TopicScanner(settings, topics, progress, found.since).scan(match)
    return takes


async def next_take(settings: KafkaSettings, found: FoundJob, progress: ProgressCallback) -> Job:
    """The job that requests the next take of a line, whose number no job of the line has.

    Args:
        found: a job of the line.
        progress: is called with the offsets read and the total.

    Raises:
        UsageError: the number or the id would be too large for a job.
    """
    return next_job(found.job, found.takes | await completed_takes(settings, found, progress))


def _job_id(value: bytes | None) -> str:
    try:
        return str(job_document(value).get("job_id", ""))
    except InvalidJobError:
        return ""


def _json_object(value: bytes | None) -> dict[str, Any]:
    """The JSON object of a value; an empty one where the value is something else."""
    try:
        document = json.loads(value or b"")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
