"""The route of events: completions as they come, as server-sent events."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Final

import structlog
from aiokafka.errors import KafkaError
from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from schemas.enums import JobStatus, Lane
from schemas.errors import UnavailableError
from worker.console.api.authorization import Reader
from worker.console.api.parameters import parse_labels, parse_last_event_id
from worker.console.api.parts import Parts
from worker.console.api.problems import PROBLEMS
from worker.console.lines.event_positions import Positions, Resumption
from worker.console.lines.event_streams import MOST_QUEUED, CompletionEvent, EventFilter, EventStream

_log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1/events", tags=["events"])

_GAP: Final = "Kafka has deleted completions since the last event"
_LAGGED: Final = f"more than {MOST_QUEUED:,} completions waited for this reader: narrow the filter, or read faster"


async def _open_stream(
    *,
    _client: Reader,
    parts: Parts,
    character: Annotated[str | None, Query(description="Only this character's.")] = None,
    lane: Annotated[Lane | None, Query(description="Only this lane's.")] = None,
    status: Annotated[JobStatus | None, Query(description="Only of this status.")] = None,
    label: Annotated[
        list[str] | None, Query(description="Only jobs with this label, as name:value; several: with all of them.")
    ] = None,
    last_event_id: Annotated[
        str | None, Header(description="The id of the last event of an earlier stream: this one goes on after it.")
    ] = None,
) -> AsyncIterator[tuple[EventStream, Positions | None]]:
    # A dependency, since a route that yields has begun its answer before it can refuse.
    wanted = EventFilter(character, lane, status, parse_labels(label or []))
    since = None if last_event_id is None else parse_last_event_id(last_event_id)
    with parts.streams.open(wanted, parts.completions_read_to()) as stream:
        yield stream, since


@router.get(
    "",
    operation_id="stream_events",
    summary="Completions as they come",
    response_class=EventSourceResponse,
    responses=PROBLEMS,
)
async def stream_events(
    opened: Annotated[tuple[EventStream, Positions | None], Depends(_open_stream)], parts: Parts
) -> AsyncIterator[ServerSentEvent]:
    """The completions from now on, or after Last-Event-ID: each an event `completion` with its JSON.

    An event's id says where to go on, in any process. `gap` says that Kafka has deleted some of what came in between.
    `lagged` ends the stream of a reader that is too slow.
    """
    stream, since = opened
    # At once, so that the client knows that it listens.
    yield ServerSentEvent(comment="listening")
    if since is not None:
        try:
            async for event in _repeated(stream, parts.read_again(since)):
                yield event
        except (KafkaError, UnavailableError) as error:
            # The answer has begun: a client that comes again with its last id goes on.
            _log.warning("events_not_repeated", error=f"{type(error).__name__}: {error}")
            return
    async for event_id, record in stream.events():
        yield _completion(event_id, record)
    if stream.lagged:
        yield ServerSentEvent(raw_data=_LAGGED, event="lagged")


async def _repeated(
    stream: EventStream, read: AsyncGenerator[CompletionEvent | Resumption, None]
) -> AsyncIterator[ServerSentEvent]:
    async with aclosing(read) as found:
        async for each in found:
            if isinstance(each, Resumption):
                stream.go_back(each.positions)
                if each.has_gap:
                    yield ServerSentEvent(raw_data=_GAP, event="gap")
            elif (event_id := stream.repeat(each)) is not None:
                yield _completion(event_id, each.record)


def _completion(event_id: str, record: bytes) -> ServerSentEvent:
    return ServerSentEvent(raw_data=record.decode("utf-8", "replace"), event="completion", id=event_id)
