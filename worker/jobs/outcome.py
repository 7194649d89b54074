"""What goes in and what comes out of the work on one record; Kafka's side and the pipeline's meet here."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from schemas.completion import Attempt, Completion, Problem
from schemas.headers import Headers
from schemas.words import Lane

BAD_INPUT: Final = "bad_input"
"""The class of a record that is no job."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a lane as it came, from its own topic or, with a `delay`, from that retry topic.

    `timestamp_ms` is Kafka's, since 1970; `unreadable` says why it has no content.
    """

    lane: Lane
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=list)
    timestamp_ms: int = 0
    unreadable: str | None = None
    delay: str | None = None


@dataclass(frozen=True, slots=True)
class History:
    """Where a job first came from, and what was tried so far; of a fresh one, the record itself and nothing."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    first_seen: str
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Retry:
    """The job is tried again: `delay` names the topic, `due_ms` the time since 1970 before which it isn't.

    `failed` is its completion if this were its last try.
    """

    delay: str
    due_ms: int
    problem: Problem
    failed: Completion


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a record ended: a completion, a dead letter with its reason, or both; or a retry.

    `retryable` tells of a failure that the same job may work later, unless that is after its `deadline`.
    What is published has the job's `history`.
    """

    completion: Completion | None
    dead_letter: Problem | None = None
    retryable: bool = False
    deadline: datetime | None = None
    retry: Retry | None = None
    history: History | None = None

    @property
    def rejected(self) -> bool:
        """Whether the record was no job."""
        return self.dead_letter is not None and self.dead_letter.failure_class == BAD_INPUT
