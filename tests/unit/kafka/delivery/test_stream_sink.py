"""A stream's records: in order, at once, and without holding the job up when Kafka doesn't take them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError, NotLeaderForPartitionError
from structlog.testing import capture_logs

from schemas.audio_stream import StreamEnd, StreamEndStatus
from schemas.job import Job
from tests.unit.loop_clock import LoopClock
from tests.unit.makers import job
from tests.unit.standins import Time
from tests.until import loop_until
from worker.kafka.delivery.sender import Message
from worker.kafka.delivery.stream_sink import PATIENCE_S, KafkaStreamSink, StreamSinks

LINE = job(job_id="line-1", stream=True, reply_topic="game", audio={"encoding": "PCM", "sample_rate": 16000})
END = StreamEnd(job_id="line-1", stream="s1", status=StreamEndStatus.DONE, chunks=2)


class Producer:
    """Takes all records, unless `fails` says otherwise for the next; acknowledges them when told."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.acknowledgements: list[asyncio.Future[None]] = []
        self.fails: list[Callable[[], Exception] | None] = []
        self.hangs = False

    async def send(self, topic: str, *, value: Any, key: Any, headers: Any) -> asyncio.Future[None]:
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        if self.fails and (fail := self.fails.pop(0)) is not None:
            raise fail()
        self.taken.append(Message(topic, key, value, headers))
        self.acknowledgements.append(asyncio.get_running_loop().create_future())
        return self.acknowledgements[-1]

    def acknowledge(self, error: KafkaError | None = None) -> None:
        for each in self.acknowledgements:
            if not each.done():
                each.set_result(None) if error is None else each.set_exception(error)


def opened(producer: Any, line: Job = LINE) -> KafkaStreamSink:
    return StreamSinks(producer, "/chirp-worker/g", lambda encoding, rate: f"{encoding}/{rate}", Time().clock).open(
        line, "s1"
    )


async def ended(producer: Producer, sink: KafkaStreamSink, error: KafkaError | None = None) -> bool:
    ending = asyncio.create_task(sink.end(END))
    await loop_until(lambda: END.model_dump_json(exclude_none=True).encode() in [each.value for each in producer.taken])
    producer.acknowledge(error)
    return await ending


async def test_chunks_and_end_go_to_the_reply_topic_in_order_under_the_jobs_id() -> None:
    producer = Producer()
    sink = opened(producer)
    await sink.chunk(1, b"one")
    await sink.chunk(2, b"two")
    assert [each.value for each in producer.taken] == [b"one", b"two"], "before anything is acknowledged"
    assert await ended(producer, sink)
    assert {(each.topic, each.key) for each in producer.taken} == {("game", b"line-1")}
    chunk, end = dict(producer.taken[1].headers), dict(producer.taken[2].headers)
    assert {name: chunk[name] for name in chunk.keys() - {"ce_time"}} == {
        "ce_specversion": b"1.0",
        "ce_type": b"chirp-worker.audio-chunk.v1",
        "ce_source": b"/chirp-worker/g",
        "ce_id": b"s1/2",
        "ce_subject": b"line-1",
        "content-type": b"PCM/16000",
        "ce_stream": b"s1",
        "ce_number": b"2",
        "ce_encoding": b"PCM",
        "ce_samplerate": b"16000",
    }
    assert (end["ce_type"], end["ce_id"], end["ce_stream"]) == (b"chirp-worker.stream-end.v1", b"s1/end", b"s1")
    assert end["content-type"] == b"application/json"
    assert StreamEnd.model_validate_json(producer.taken[2].value or b"") == END


async def test_after_a_chunk_that_kafka_refuses_there_are_no_more_and_the_end_says_how_many_there_were() -> None:
    producer = Producer()
    producer.fails = [None, KafkaConnectionError]
    sink = opened(producer)
    for number in (1, 2, 3):
        await sink.chunk(number, b"audio")
    with capture_logs() as logs:
        assert not await ended(producer, sink)
    assert [dict(each.headers)["ce_id"] for each in producer.taken] == [b"s1/1", b"s1/end"]
    assert (logs[0]["event"], logs[0]["job_id"], logs[0]["topic"]) == ("stream_lost", "line-1", "game")


async def test_a_chunk_that_was_not_acknowledged_is_lost() -> None:
    producer = Producer()
    sink = opened(producer)
    await sink.chunk(1, b"audio")
    assert not await ended(producer, sink, NotLeaderForPartitionError())


@pytest.mark.parametrize("when", ["chunk", "acknowledgement"])
async def test_a_kafka_that_does_not_answer_holds_the_job_up_for_a_bounded_time(when: str) -> None:
    producer, clock = Producer(), LoopClock()
    sink = opened(producer)
    producer.hangs = when == "chunk"
    sending = asyncio.create_task(sink.chunk(1, b"audio"))
    await asyncio.sleep(0)
    clock.skip(PATIENCE_S + 1)
    await sending
    producer.hangs = False
    ending = asyncio.create_task(sink.end(END))
    await loop_until(lambda: bool(producer.taken) and dict(producer.taken[-1].headers)["ce_id"] == b"s1/end")
    clock.skip(PATIENCE_S + 1)
    assert not await ending
