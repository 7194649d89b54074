"""The route of events: completions as they come, as server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from schemas.enums import JobStatus, Lane
from worker.console.api.authorization import Reader
from worker.console.api.parameters import parse_labels
from worker.console.api.parts import Parts
from worker.console.api.problems import PROBLEMS
from worker.console.lines.event_streams import MOST_QUEUED, EventFilter, EventStream

router = APIRouter(prefix="/v1/events", tags=["events"])

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
) -> AsyncIterator[EventStream]:
    # A dependency, since a route that yields has begun its answer before it can refuse.
    wanted = EventFilter(character, lane, status, parse_labels(label or []))
    with parts.streams.open(wanted) as stream:
        yield stream


@router.get(
    "",
    operation_id="stream_events",
    summary="Completions as they come",
    response_class=EventSourceResponse,
    responses=PROBLEMS,
)
async def stream_events(stream: Annotated[EventStream, Depends(_open_stream)]) -> AsyncIterator[ServerSentEvent]:
    """The completions from now on: each an event `completion` with its JSON, and its `ce_id` as the event's id.

    An event `lagged` ends the stream of a reader that is too slow. A new stream doesn't repeat what came before it.
    """
    # At once, so that the client knows that it listens.
    yield ServerSentEvent(comment="listening")
    async for event in stream.events():
        yield ServerSentEvent(raw_data=event.record.decode("utf-8", "replace"), event="completion", id=event.id or None)
    if stream.lagged:
        yield ServerSentEvent(raw_data=_LAGGED, event="lagged")
