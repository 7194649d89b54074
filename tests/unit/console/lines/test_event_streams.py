"""Event streams: each gets what passes its filter, in order; a slow reader is cut off, and others don't notice."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import JobStatus, Lane
from worker.console.lines.event_streams import (
    MOST_QUEUED,
    CompletionEvent,
    EventFilter,
    EventStream,
    EventStreams,
    TooManyStreamsError,
)

DOCUMENT = {"character": "codsworth", "lane": "dialogue", "status": "done", "labels": {"scene": "7", "batch": "x"}}


def event(number: int = 0, **changes: Any) -> CompletionEvent:
    return CompletionEvent(f"ce-{number}", json.dumps({**DOCUMENT, **changes}).encode())


async def ids(stream: EventStream) -> list[str]:
    stream.end()
    return [each.id async for each in stream.events()]


@pytest.mark.parametrize(
    ("wanted", "passes"),
    [
        (EventFilter(), True),
        (EventFilter(character="codsworth", lane=Lane.DIALOGUE, status=JobStatus.DONE, labels={"scene": "7"}), True),
        (EventFilter(character="raider"), False),
        (EventFilter(lane=Lane.BATCH), False),
        (EventFilter(status=JobStatus.FAILED), False),
        (EventFilter(labels={"scene": "8"}), False),
        (EventFilter(labels={"scene": "7", "batch": "y"}), False),
        (EventFilter(labels={"chapter": "7"}), False),
    ],
)
def test_a_filter_passes_what_has_all_that_it_names(wanted: EventFilter, passes: bool) -> None:
    assert wanted.passes(DOCUMENT) is passes


@given(st.dictionaries(st.text(max_size=9), st.none() | st.text(max_size=9) | st.integers()))
def test_any_document_can_be_filtered(document: dict[str, Any]) -> None:
    assert EventFilter().passes(document)
    assert EventFilter(lane=Lane.BATCH).passes(document) is (document.get("lane") == "batch")


async def test_each_stream_gets_its_completions_in_order() -> None:
    streams = EventStreams(10)
    with streams.open(EventFilter()) as whole, streams.open(EventFilter(character="raider")) as raiders:
        streams.publish(event(1))
        streams.publish(event(2, character="raider"))
        streams.publish(event(3))
        assert await ids(whole) == ["ce-1", "ce-2", "ce-3"]
        assert await ids(raiders) == ["ce-2"]
    assert len(streams) == 0


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b"7", b"\xff", b"[" * 100_000])
async def test_what_is_no_json_object_goes_to_nobody(record: bytes) -> None:
    streams = EventStreams(10)
    with streams.open(EventFilter()) as stream:
        streams.publish(CompletionEvent("ce", record))
        assert await ids(stream) == []


async def test_a_slow_reader_is_cut_off_after_what_is_queued_and_the_others_go_on() -> None:
    streams = EventStreams(10)
    with streams.open(EventFilter()) as slow, streams.open(EventFilter(character="raider")) as other:
        for number in range(MOST_QUEUED + 5):
            streams.publish(event(number))
        streams.publish(event(9999, character="raider"))
        assert len(await ids(slow)) == MOST_QUEUED
        assert slow.lagged
        assert await ids(other) == ["ce-9999"]
        assert not other.lagged


async def test_one_stream_too_many_is_refused() -> None:
    streams = EventStreams(1)
    refusal = pytest.raises(TooManyStreamsError, match="1 event streams are open")
    with streams.open(EventFilter()), refusal, streams.open(EventFilter()):
        pass


async def test_all_streams_end_when_the_process_stops() -> None:
    streams = EventStreams(10)
    with streams.open(EventFilter()) as stream:
        streams.publish(event(1))
        streams.stop()
        assert [each.id async for each in stream.events()] == ["ce-1"]
