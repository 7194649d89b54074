"""What goes into the handling of one job and what comes out: the types between the queue's adapter and the core."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from schemas.completion import Attempt, Completion, Problem
from schemas.enums import Lane

BAD_INPUT: Final = "bad_input"
"""The class of a record that is no job."""


@dataclass(frozen=True, slots=True)
class History:
    """Where a job first came from, and what has been tried so far.

    `topic`, `partition` and `offset` are its place in its queue; `timestamp_ms`, since 1970, is when it was enqueued.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    first_seen: str
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceivedJob:
    """A job as its queue delivered it, not yet parsed.

    `unreadable` says why it has no content; `log_fields` say in the log where it came from.
    """

    lane: Lane
    content: bytes | None
    history: History
    unreadable: str | None = None
    log_fields: Mapping[str, object] = field(default_factory=dict)


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

    `retryable`: the same job may work later, unless that is after its `deadline`. `history` is published with it.
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
