"""Folds the records about one line into its history: jobs, retries, completions, dead letters and replays. Pure."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import ValidationError

from schemas import headers as names
from schemas.cancellation import Cancellation
from schemas.completion import Completion
from schemas.headers import MOST_REPLAYS, Headers, header_number
from schemas.message_parsing import InvalidMessageError, parse_cancellation
from schemas.parsing import InvalidJobError, job_document
from schemas.times import time_of_ms
from schemas.topics import CANCELLATIONS, COMPLETIONS, DEAD_LETTERS, RETRIES, unprefixed
from worker.jobs.redo import line_of
from worker.kafka.dead_letters.decoder import DeadLetter, is_marker, read_letter

_NEVER: Final = datetime.fromtimestamp(0, UTC)
Kind = Literal["job", "replay", "retry", "cancellation", "completion", "letter"]


@dataclass(frozen=True)
class Step:
    """One record about a line.

    Attributes:
        time: the record's.
        job: the job's fields as they were sent; None for anything else than a job, a retry or a replay.
        cancellation: who cancelled the job.
        replay_of: of a replay the dead letter's id.
        error: of a retry, why the try before it failed.
    """

    kind: Kind
    time: datetime
    job_id: str
    topic: str
    partition: int
    offset: int
    job: Mapping[str, Any] | None = None
    completion: Completion | None = None
    letter: DeadLetter | None = None
    cancellation: Cancellation | None = None
    replay_of: str = ""
    error: str = ""


@dataclass
class LineHistory:
    """Collects what records say of one line.

    Args:
        job_id: of any of the line's jobs.
        topic_prefix: of the deployment.

    Attributes:
        unreadable: the number of its completions that this version can't read.
    """

    job_id: str
    topic_prefix: str
    unreadable: int = 0
    _steps: list[Step] = field(default_factory=list)

    def add(self, record: Any) -> None:
        """Adds one record, an aiokafka `ConsumerRecord`, if it is about the line."""
        # A record that doesn't contain the id isn't decoded: there may be millions. JSON may escape an id's letters,
        # but those of a job are ASCII without any that JSON escapes.
        line = line_of(self.job_id)
        if line.encode() not in (record.value or b""):
            return
        try:
            document = job_document(record.value)
        except InvalidJobError:
            return
        job_id = document.get("job_id")
        if not isinstance(job_id, str) or line_of(job_id) != line:
            return
        topic = unprefixed(record.topic, self.topic_prefix)
        place = (time_of_ms(record.timestamp) or _NEVER, job_id, topic, record.partition, record.offset)
        headers: Headers = list(record.headers)
        if topic == COMPLETIONS:
            self._add_completion(place, record.value)
        elif topic == DEAD_LETTERS:
            if not is_marker(record.value, headers):
                self._steps.append(Step("letter", *place, letter=read_letter(record, self.topic_prefix)))
        elif topic == CANCELLATIONS:
            with suppress(InvalidMessageError):
                self._steps.append(Step("cancellation", *place, cancellation=parse_cancellation(record.value)))
        elif topic.startswith(RETRIES):
            message = _text(headers, names.RETRY_ERROR_MESSAGE)
            error = f"{_text(headers, names.RETRY_ERROR_CLASS)} {_text(headers, names.RETRY_ERROR_CODE)}: {message}"
            self._steps.append(Step("retry", *place, job=document, error=error))
        else:
            replayed = header_number(headers, names.REPLAY_NUMBER, MOST_REPLAYS)
            kind: Kind = "replay" if replayed else "job"
            self._steps.append(Step(kind, *place, job=document, replay_of=_text(headers, names.REPLAY_OF)))

    def steps(self) -> Sequence[Step]:
        """All that is known, oldest first."""
        return sorted(self._steps, key=lambda step: (step.time, step.kind == "completion", step.offset))

    def waiting(self) -> Sequence[Step]:
        """The last step of each job that hasn't ended and that nobody has cancelled, oldest first."""
        last: dict[str, Step] = {}
        for step in self.steps():
            if step.kind in {"job", "replay", "retry"}:
                last[step.job_id] = step
            else:
                last.pop(step.job_id, None)
        return sorted(last.values(), key=lambda step: step.time)

    def _add_completion(self, place: tuple[datetime, str, str, int, int], value: bytes) -> None:
        try:
            completion = Completion.model_validate_json(value)
        except ValidationError:
            self.unreadable += 1
            return
        self._steps.append(Step("completion", *place, completion=completion))


def latest_first(records: Sequence[Any], most: int) -> list[tuple[datetime, Completion]]:
    """The completions among records, newest first."""
    found = []
    for record in records:
        try:
            found.append((time_of_ms(record.timestamp) or _NEVER, Completion.model_validate_json(record.value or b"")))
        except ValidationError:
            continue
    return sorted(found, key=lambda each: each[0], reverse=True)[:most]


def _text(headers: Headers, name: str) -> str:
    value = next((value for found, value in reversed(headers) if found == name), None)
    return bytes(value or b"").decode("utf-8", "backslashreplace")
