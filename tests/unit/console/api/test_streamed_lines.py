"""A line that is heard over HTTP while it is made: one chunked answer, which is incomplete if the line breaks off."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from schemas.audio_stream import StreamEnd, StreamEndStatus
from schemas.enums import JobStatus, Lane
from tests.unit.console.api.serving import KEY, LINE, World, call, completion, serving
from tests.until import loop_until

STREAM = "/v1/lines?stream=true"
JOB = {**LINE, "job_id": "a"}


def note(world: World, number: int, audio: bytes, stream: str = "s1") -> None:
    world.heard.note_chunk("a", stream, number, audio, "audio/ogg")


def end(world: World, chunks: int, status: StreamEndStatus = StreamEndStatus.DONE) -> None:
    world.heard.note_end(StreamEnd(job_id="a", stream="s1", status=status, chunks=chunks))


async def test_the_audio_comes_chunk_by_chunk_while_it_is_made() -> None:
    async with serving() as (world, client, _):
        request = asyncio.create_task(client.post(STREAM, json=JOB))
        await loop_until(lambda: bool(world.sent))
        assert not request.done()
        note(world, 1, b"first ")
        answer = await request
        assert (answer.status, answer.headers["Content-Type"]) == (200, "audio/ogg")
        assert (answer.headers["Location"], answer.headers["Cache-Control"]) == ("/v1/lines/a", "no-store")
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert await answer.content.readany() == b"first "
        note(world, 2, b"second")
        assert await answer.content.readany() == b"second"
        end(world, 2)
        assert await answer.read() == b""
    ((lane, job),) = world.sent
    assert (lane, job.stream, job.reply_topic) == (Lane.DIALOGUE, True, "tts.streams")


async def test_a_line_that_breaks_off_is_an_incomplete_answer() -> None:
    async with serving() as (world, client, _):
        request = asyncio.create_task(client.post(STREAM, json=JOB))
        await loop_until(lambda: bool(world.sent))
        note(world, 1, b"first ")
        async with await request as answer:
            assert await answer.content.readany() == b"first "
            end(world, 1, StreamEndStatus.FAILED)
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()


async def test_a_stream_that_failed_before_its_first_chunk_is_waited_past() -> None:
    async with serving() as (world, client, _):
        request = asyncio.create_task(client.post(STREAM, json=JOB))
        await loop_until(lambda: bool(world.sent))
        end(world, 0, StreamEndStatus.FAILED)
        note(world, 1, b"again", "s2")
        async with await request as answer:
            assert await answer.content.readany() == b"again"
            world.heard.note_end(StreamEnd(job_id="a", stream="s2", status=StreamEndStatus.DONE, chunks=1))
            assert await answer.read() == b""


async def test_a_line_that_ends_without_a_stream_leads_to_its_audio_or_says_why_there_is_none() -> None:
    async with serving() as (world, client, _):
        world.ends_at_once = True
        status, _, headers = await call(client, "POST", STREAM, json=JOB)
        assert (status, headers["Location"]) == (303, f"https://cdn.example/{KEY}?signature=1")
        world.ends_at_once = False
        world.end(completion("b", status=JobStatus.FAILED, audio=None))
        status, problem, _ = await call(client, "POST", STREAM, json={**LINE, "job_id": "b"})
        assert (status, problem["type"]) == (409, "urn:chirp-worker:problem:no-audio")


async def test_a_wait_that_ends_first_answers_where_the_line_is() -> None:
    async with serving() as (world, client, _):
        status, line, headers = await call(client, "POST", f"{STREAM}&wait=10ms", json=JOB)
        assert (status, line["state"], headers["Location"]) == (202, "queued", "/v1/lines/a")
        assert len(world.sent) == 1


async def test_a_repeated_request_hears_the_same_line_from_its_beginning() -> None:
    async with serving() as (world, client, _):
        request = asyncio.create_task(client.post(STREAM, json=JOB))
        await loop_until(lambda: bool(world.sent))
        note(world, 1, b"first ")
        async with await request as answer, client.post(STREAM, json=JOB) as again:
            note(world, 2, b"second")
            end(world, 2)
            assert await answer.read() == await again.read() == b"first second"
    assert len(world.sent) == 1


async def test_the_audio_of_a_line_that_is_being_streamed_is_found_by_its_id_too() -> None:
    async with serving() as (world, client, _):
        job = {**JOB, "stream": True, "reply_topic": "tts.streams"}
        assert (await call(client, "POST", "/v1/lines", json=job))[0] == 202
        status, problem, _ = await call(client, "GET", "/v1/lines/a/audio")
        assert (status, problem["detail"]) == (409, "job_id='a': hasn't ended yet")
        request = asyncio.create_task(client.get("/v1/lines/a/audio?wait=60s"))
        await loop_until(lambda: len(world.waiters) == 1)
        note(world, 1, b"all")
        end(world, 1)
        async with await request as answer:
            assert (answer.status, await answer.read()) == (200, b"all")
        world.end(completion("a"))
        status, _, headers = await call(client, "GET", "/v1/lines/a/audio")
        assert (status, headers["Location"]) == (302, f"https://cdn.example/{KEY}?signature=1"), "Range works there"


async def test_a_client_that_goes_away_leaves_the_line_and_the_server_as_they_are() -> None:
    async with serving() as (world, client, _):
        request = asyncio.create_task(client.post(STREAM, json=JOB))
        await loop_until(lambda: bool(world.sent))
        note(world, 1, b"first ")
        answer = await request
        answer.close()
        stream = world.heard.find("a")
        assert stream is not None
        note(world, 2, b"second")
        end(world, 2)
        async with client.post(STREAM, json=JOB) as again:
            assert await again.read() == b"first second"


@pytest.mark.parametrize(
    ("path", "changes", "field", "message"),
    [
        (f"{STREAM}&lane=batch", {}, "stream", "True: allowed in the dialogue lane alone, this is batch"),
        (STREAM, {"reply_topic": "game"}, "reply_topic", "allowed with stream=true is none: it is tts.streams"),
        ("/v1/lines", {"stream": True}, "stream", "True: goes to reply_topic, which must be there"),
        (f"{STREAM}&wait=2h", {}, "wait", "allowed is a number"),
    ],
)
async def test_what_cannot_be_streamed_is_refused_by_its_field(
    path: str, changes: dict[str, Any], field: str, message: str
) -> None:
    async with serving(REPLY_TOPICS="game") as (world, client, _):
        status, problem, _ = await call(client, "POST", path, json={**JOB, **changes})
        assert (status, problem["errors"][0]["field"]) == (422, field)
        assert message in problem["errors"][0]["message"]
        assert not world.sent


async def test_when_as_many_wait_as_may_a_stream_is_refused_too() -> None:
    async with serving(HTTP_API_MAX_WAITERS="1") as (world, client, _):
        request = asyncio.create_task(client.post(STREAM, json=JOB))
        await loop_until(lambda: bool(world.sent))
        status, problem, _ = await call(client, "POST", STREAM, json={**LINE, "job_id": "b"})
        assert (status, problem["type"]) == (429, "urn:chirp-worker:problem:full")
        note(world, 1, b"first ")
        end(world, 1)
        async with await request as answer:
            assert await answer.read() == b"first "
