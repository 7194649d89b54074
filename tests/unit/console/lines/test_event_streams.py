"""Event streams: each gets what passes its filter, in order; a slow reader is cut off, and others don't notice."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import JobStatus, Lane
from worker.console.lines.event_positions import parse_event_id
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
    return CompletionEvent(f"ce-{number}", json.dumps({**DOCUMENT, **changes}).encode(), 0, number)


async def ids(stream: EventStream) -> list[str]:
    stream.end()
    return [event_id.partition(":")[2] async for event_id, _ in stream.events()]


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
        streams.publish(CompletionEvent("ce", record, 0, 0))
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
        assert [event_id async for event_id, _ in stream.events()] == ["2:ce-1"]


@st.composite
def topics(draw: st.DrawFn) -> list[CompletionEvent]:
    """The records of three partitions in an order in which a process may read them; some don't pass the filter."""
    order = draw(st.lists(st.sampled_from([0, 1, 2]), max_size=30))
    offsets = [0, 0, 0]
    found = []
    for number, partition in enumerate(order):
        character = draw(st.sampled_from(["codsworth", "raider"]))
        record = json.dumps({**DOCUMENT, "character": character, "number": number}).encode()
        found.append(CompletionEvent(f"ce-{number}", record, partition, offsets[partition]))
        offsets[partition] += draw(st.integers(1, 3))
    return found


@given(topics(), st.data())
def test_a_client_that_comes_back_to_any_process_gets_each_completion_once(
    records: list[CompletionEvent], data: st.DataObject
) -> None:
    wanted, start = EventFilter(character="codsworth"), {0: 0, 1: 0, 2: 0}
    broken_at = data.draw(st.integers(0, len(records)), "records of the first stream")
    # The other process reads the partitions in an order of its own.
    others = sorted(records, key=lambda each: (each.partition, each.offset))
    read = data.draw(st.integers(0, len(others)), "records that the other process has read")
    there = data.draw(st.integers(read, len(others)), "records that are there when the client comes back")

    async def all_of(stream: EventStream) -> list[tuple[str, bytes]]:
        stream.end()
        return [each async for each in stream.events()]

    async def play() -> list[tuple[str, bytes]]:
        first, second = EventStreams(1), EventStreams(1)
        with first.open(wanted, start) as stream:
            for each in records[:broken_at]:
                first.publish(each)
            seen = await all_of(stream)
        since = parse_event_id(seen[-1][0]) if seen else start
        for each in others[:read]:
            second.publish(each)
        with second.open(wanted) as stream:
            stream.go_back(since)
            for each in others[read:]:
                second.publish(each)
            for each in others[:there]:
                if each.offset >= since[each.partition] and (event_id := stream.repeat(each)) is not None:
                    seen.append((event_id, each.record))
            return seen + await all_of(stream)

    found = asyncio.run(play())
    assert sorted(record for _, record in found) == sorted(
        each.record for each in records if b"codsworth" in each.record
    )
