"""What goes in and what comes out of the work on one record; Kafka's side and the pipeline's meet here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from schemas.completion import Completion, Problem
from schemas.events import Headers
from schemas.words import Lane

Pause = Callable[[float], Awaitable[None]]
"""Sleeps for some seconds without holding a slot."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a lane as it came. `timestamp_ms` is Kafka's, since 1970; `unreadable` says why it has no content."""

    lane: Lane
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=list)
    timestamp_ms: int = 0
    unreadable: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a record ended: a completion, a dead letter with its reason, or both."""

    completion: Completion | None
    dead_letter: Problem | None = None
