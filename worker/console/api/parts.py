"""What the routes work with: one object of each kind in a process, reached through a request's application."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from worker.config.settings import Settings
from worker.console.access.request_limits import RequestLimit
from worker.console.access.tokens import TokenEntry
from worker.console.lines.event_positions import Positions, Resumption
from worker.console.lines.event_streams import CompletionEvent, EventStreams
from worker.console.lines.line_sender import LineSender
from worker.console.lines.line_streams import LineStreams
from worker.console.lines.recent_lines import RecentLines
from worker.console.lines.take_finder import TakeFinder
from worker.console.lines.waiters import Waiters
from worker.kafka.client.events import Event
from worker.lifecycle.clock import Clock
from worker.speech.catalogue import Catalogue


@dataclass(frozen=True)
class ApiParts:
    """The parts.

    Attributes:
        tokens: returns the present entries; None: everybody is `LOCAL`.
        requests: the limit of all requests of a client.
        enqueues: the limit of the lines that a client enqueues.
        feedback: the limit of the feedback that a client gives.
        waits_for: returns what keeps the process from enqueuing lines, a line each; empty when it is ready.
        send_event: sends a cancellation or feedback; raises KafkaError, NotAcknowledgedError.
        completions_read_to: returns how far the completions' topic is read.
        read_again: reads completions again from a position on; see `CompletionBacklog.read`.
        audio_url: the address by which players read a take now, by its key; raises StorageError.
    """

    settings: Settings
    catalogue: Catalogue
    clock: Clock
    tokens: Callable[[], tuple[TokenEntry, ...]] | None
    requests: RequestLimit
    enqueues: RequestLimit
    feedback: RequestLimit
    waits_for: Callable[[], list[str]]
    recent: RecentLines
    waiters: Waiters
    streams: EventStreams
    heard: LineStreams
    sender: LineSender
    send_event: Callable[[Event], Awaitable[None]]
    completions_read_to: Callable[[], Positions]
    read_again: Callable[[Positions], AsyncGenerator[CompletionEvent | Resumption, None]]
    takes: TakeFinder
    audio_url: Callable[[str], Awaitable[str]]


async def parts_of(request: Request) -> ApiParts:
    """The parts of the application that got the request."""
    parts: ApiParts = request.app.state.parts
    return parts


Parts = Annotated[ApiParts, Depends(parts_of)]
"""A route's parameter."""
