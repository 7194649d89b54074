"""Records of Kafka reach the lines, the waiters and the streams; foreign ones do no harm."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.audio_stream import StreamEnd, StreamEndStatus
from schemas.enums import Lane
from schemas.events import AUDIO_CHUNK_TYPE, STREAM_END_TYPE
from tests.unit.makers import fields
from worker.console.lines.event_streams import EventFilter, EventStreams
from worker.console.lines.kafka_records import KafkaRecords
from worker.console.lines.line_streams import LineStreams
from worker.console.lines.recent_lines import RecentLines
from worker.console.lines.waiters import Waiters

NAMES = ["ce_subject", "ce_id", "ce_stream", "ce_number", "content-type", "x"]
AT_MS = 1_770_000_000_000


def record(value: bytes | None, topic: str = "staging.batch", **headers: bytes) -> Any:
    return SimpleNamespace(
        topic=topic, value=value, headers=list(headers.items()), timestamp=AT_MS, partition=1, offset=7
    )


class World:
    def __init__(self) -> None:
        self.recent, self.waiters, self.streams = RecentLines(100, 10**6), Waiters(10), EventStreams(10)
        self.heard = LineStreams(10**6)
        self.records = KafkaRecords("staging", self.recent, self.waiters, self.streams, self.heard)


def document(**changes: Any) -> bytes:
    return json.dumps(fields(**changes)).encode()


async def test_a_job_is_known_by_its_id_with_its_lane_and_time() -> None:
    world = World()
    world.records.observe_job(record(document()))
    line = world.recent.find("job-1")
    assert line is not None
    assert (line.lane, line.job, line.queued_ms) == (Lane.BATCH, document(), AT_MS)


async def test_a_completion_wakes_who_waits_is_remembered_and_goes_to_the_streams() -> None:
    world = World()
    with world.waiters.waiting("job-1") as waiter, world.streams.open(EventFilter()) as stream:
        done = record(b'{"job_id": "job-1"}', "staging.completions", ce_subject=b"job-1", ce_id=b"e1")
        world.records.observe_completion(done)
        assert await waiter.wait(0) == done.value
        line = world.recent.find("job-1")
        assert line is not None
        assert (line.completion, line.ended_ms, line.lane) == (done.value, AT_MS, None)
        stream.end()
        assert [each async for each in stream.events()] == [("0.8:e1", done.value)]


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"{}", b'{"job_id": 7}', b'{"job_id": ""}', b"\xff"])
def test_a_record_of_a_lane_that_names_no_job_is_passed_over(value: bytes | None) -> None:
    world = World()
    world.records.observe_job(record(value))
    assert len(world.recent) == 0


def test_an_id_that_no_job_may_have_is_not_remembered() -> None:
    world = World()
    world.records.observe_job(record(document(job_id="x" * 129)))
    world.records.observe_job(record(document(), topic="elsewhere.batch"))
    assert len(world.recent) == 0


def chunk(number: int, audio: bytes, stream: bytes = b"s1") -> Any:
    headers = {"ce_type": AUDIO_CHUNK_TYPE.encode(), "ce_subject": b"job-1", "ce_stream": stream}
    about = {"ce_number": str(number).encode(), "content-type": b"audio/ogg"}
    return record(audio, "staging.streams", **headers, **about)


def end(status: StreamEndStatus = StreamEndStatus.DONE, chunks: int = 2) -> Any:
    value = StreamEnd(job_id="job-1", stream="s1", status=status, chunks=chunks).model_dump_json().encode()
    return record(value, "staging.streams", ce_type=STREAM_END_TYPE.encode())


async def test_the_chunks_of_a_stream_are_heard_in_their_order_up_to_its_end() -> None:
    world = World()
    for each in (chunk(1, b"one"), chunk(2, b"two"), end()):
        world.records.observe_stream(each)
    stream = world.heard.find("job-1")
    assert stream is not None
    assert stream.media_type == "audio/ogg"
    assert [each async for each in stream.chunks()] == [b"one", b"two"]


@pytest.mark.parametrize(("status", "is_broken"), [("done", False), ("failed", True), ("expired", True)])
async def test_a_line_that_has_failed_breaks_off_the_stream_that_its_worker_had_no_time_to_end(
    status: str, *, is_broken: bool
) -> None:
    world = World()
    world.records.observe_stream(chunk(1, b"one"))
    value = json.dumps({"job_id": "job-1", "status": status}).encode()
    world.records.observe_completion(record(value, "staging.completions", ce_subject=b"job-1"))
    assert (world.heard.find("job-1") is None) is is_broken


@given(st.binary() | st.none(), st.dictionaries(st.sampled_from(NAMES), st.binary(max_size=20)))
def test_no_foreign_record_does_harm(value: bytes | None, headers: dict[str, bytes]) -> None:
    world = World()
    world.records.observe_job(record(value, **headers))
    world.records.observe_completion(record(value, "staging.completions", **headers))
    for kind in (AUDIO_CHUNK_TYPE, STREAM_END_TYPE):
        world.records.observe_stream(record(value, "staging.streams", **{**headers, "ce_type": kind.encode()}))
