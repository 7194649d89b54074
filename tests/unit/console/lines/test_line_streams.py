"""Streams of lines, as clients of the HTTP API hear them: whole and in order, or broken off, and within a bound."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.audio_stream import StreamEnd, StreamEndStatus
from schemas.completion import Problem
from worker.console.lines.line_streams import MOST_LINES, LineStream, LineStreams, StreamBrokenError

OGG = "audio/ogg"


def the_end(chunks: int, stream: str = "s1", error: Problem | None = None) -> StreamEnd:
    status = StreamEndStatus.DONE if error is None else StreamEndStatus.FAILED
    return StreamEnd(job_id="line", stream=stream, status=status, chunks=chunks, error=error)


def note(streams: LineStreams, number: int, audio: bytes, stream: str = "s1", job_id: str = "line") -> None:
    streams.note_chunk(job_id, stream, number, audio, OGG)


async def hear(stream: LineStream | None) -> list[bytes]:
    assert stream is not None
    return [each async for each in stream.chunks()]


async def test_who_listens_hears_each_chunk_as_it_comes_and_who_comes_later_all_of_them() -> None:
    streams = LineStreams(1000)
    note(streams, 1, b"a")
    early = streams.find("line")
    assert early is not None
    chunks = early.chunks()
    assert await anext(chunks) == b"a"
    following = asyncio.ensure_future(anext(chunks))
    await asyncio.sleep(0)
    assert not following.done()
    note(streams, 2, b"b")
    assert await following == b"b"
    streams.note_end(the_end(2))
    assert [each async for each in chunks] == []
    assert await hear(streams.find("line")) == [b"a", b"b"]


async def test_who_waits_before_the_line_is_sent_gets_its_stream_with_the_first_chunk() -> None:
    streams = LineStreams(1000)
    with streams.awaiting("line") as begun, streams.awaiting("other") as other:
        note(streams, 1, b"a")
        note(streams, 2, b"b")
        assert await begun is streams.find("line")
        assert not other.done()
    with streams.awaiting("line") as again:
        assert again.done()


@given(st.lists(st.integers(1, 6), min_size=1, max_size=20))
def test_repeated_chunks_are_heard_once_and_after_a_lost_one_the_stream_is_broken(numbers: list[int]) -> None:
    async def listen() -> None:
        streams = LineStreams(1000)
        expected = 0
        lost = False
        for number in numbers:
            note(streams, number, bytes([number]))
            lost = lost or number > expected + 1
            expected += not lost and number == expected + 1
        stream = streams.find("line")
        assert (stream is None) is lost
        streams.note_end(the_end(expected))
        if stream is not None:
            assert await hear(stream) == [bytes([number]) for number in range(1, expected + 1)]

    asyncio.run(listen())


@pytest.mark.parametrize(
    "broken",
    [
        the_end(1, error=Problem(failure_class="timeout", code="X", message="Google was slow")),
        the_end(2),
    ],
)
async def test_a_failed_stream_and_one_that_lost_its_last_chunks_are_never_taken_for_whole(broken: StreamEnd) -> None:
    streams = LineStreams(1000)
    note(streams, 1, b"a")
    stream = streams.find("line")
    streams.note_end(broken)
    with pytest.raises(StreamBrokenError, match=r"Google was slow|1 chunks of 2 came"):
        await hear(stream)
    assert streams.find("line") is None


async def test_another_try_is_another_stream_and_what_comes_of_the_older_one_is_passed_over() -> None:
    streams = LineStreams(1000)
    note(streams, 1, b"old")
    older = streams.find("line")
    note(streams, 1, b"new", "s2")
    note(streams, 2, b"late", "s1")
    streams.note_end(the_end(2, "s1"))
    note(streams, 2, b"end", "s2")
    streams.note_end(the_end(2, "s2"))
    assert await hear(streams.find("line")) == [b"new", b"end"]
    with pytest.raises(StreamBrokenError, match="another try"):
        await hear(older)


async def test_the_oldest_lines_audio_gives_way_and_who_still_listens_to_it_is_told() -> None:
    streams = LineStreams(10)
    note(streams, 1, bytes(6), job_id="first")
    first = streams.find("first")
    note(streams, 1, bytes(6), job_id="second")
    assert streams.find("first") is None
    assert len(streams) == 1
    with pytest.raises(StreamBrokenError, match="kept no more"):
        await hear(first)
    note(streams, 2, bytes(20), job_id="second")
    assert streams.find("second") is not None, "a line that is larger than all room is heard all the same"


async def test_of_broken_streams_a_bounded_number_of_ids_is_kept() -> None:
    streams = LineStreams(1000)
    for number in range(MOST_LINES + 10):
        note(streams, 1, b"a", job_id=f"line-{number}")
        streams.break_off(f"line-{number}", "failed")
    assert len(streams) == MOST_LINES


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3), st.integers(1, 4), st.integers(1, 9)), max_size=40))
def test_whatever_comes_the_audio_that_is_kept_is_within_the_bound(
    records: list[tuple[int, int, int, int]],
) -> None:
    async def take() -> None:
        streams = LineStreams(20)
        for job, stream, number, size in records:
            note(streams, number, bytes(size), f"s{stream}", f"line-{job}")
            found = [each for job in range(6) if (each := streams.find(f"line-{job}")) is not None]
            kept = sum(each.size for each in found)
            assert kept == streams._bytes
            assert kept <= 20 or len(streams) == 1

    asyncio.run(take())
