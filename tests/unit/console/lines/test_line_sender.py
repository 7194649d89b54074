"""A line is sent once: repeated requests join the first one, another job under the same id is refused."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError

from schemas.enums import Lane
from schemas.job import Job
from tests.unit.makers import job
from worker.console.lines.line_sender import (
    JobIdTakenError,
    LineSender,
    NotAcknowledgedError,
    TooManyUnacknowledgedError,
)
from worker.console.lines.recent_lines import RecentLines
from worker.kafka.client.submit import job_record
from worker.lifecycle.clock import Clock

LONG_S = 60.0


class Kafka:
    """Acknowledges what is sent once it may."""

    def __init__(self) -> None:
        self.sent: list[tuple[Lane, Job]] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.error: Exception | None = None

    async def send(self, lane: Lane, sent: Job) -> None:
        self.sent.append((lane, sent))
        await self.answers.wait()
        if self.error is not None:
            raise self.error


def sender(kafka: Kafka, *, most: int = 10, acknowledged_s: float = LONG_S) -> tuple[LineSender, RecentLines]:
    recent = RecentLines(100, 10**6)
    made = LineSender(kafka.send, recent, most=most, max_text_bytes=1000, clock=Clock(), acknowledged_s=acknowledged_s)
    return made, recent


async def test_a_line_is_sent_and_known_at_once() -> None:
    kafka = Kafka()
    lines, recent = sender(kafka)
    assert await lines.enqueue(Lane.BATCH, job())
    known = recent.find("job-1")
    assert known is not None
    assert (known.lane, known.job) == (Lane.BATCH, job_record(job()))


async def test_a_repeated_request_sends_nothing_before_and_after_the_acknowledgement() -> None:
    kafka = Kafka()
    kafka.answers.clear()
    lines, _ = sender(kafka)
    first = asyncio.create_task(lines.enqueue(Lane.DIALOGUE, job()))
    second = asyncio.create_task(lines.enqueue(Lane.DIALOGUE, job()))
    await asyncio.sleep(0)
    kafka.answers.set()
    assert (await first, await second) == (True, False)
    assert not await lines.enqueue(Lane.DIALOGUE, job())
    assert len(kafka.sent) == 1


async def test_a_job_that_another_process_sent_is_not_sent_again_however_it_was_written() -> None:
    kafka = Kafka()
    lines, recent = sender(kafka)
    recent.note_job("job-1", Lane.DIALOGUE, job().model_dump_json(indent=1).encode(), 0)
    assert not await lines.enqueue(Lane.DIALOGUE, job())
    assert kafka.sent == []


async def test_a_job_of_which_only_the_completion_is_known_is_not_sent_again() -> None:
    kafka = Kafka()
    lines, recent = sender(kafka)
    recent.note_completion("job-1", b"{}", 0)
    assert not await lines.enqueue(Lane.DIALOGUE, job())
    assert kafka.sent == []


@pytest.mark.parametrize("is_acknowledged", [True, False])
async def test_another_job_under_the_same_id_is_refused(*, is_acknowledged: bool) -> None:
    kafka = Kafka()
    lines, _ = sender(kafka)
    if not is_acknowledged:
        kafka.answers.clear()
    first = asyncio.create_task(lines.enqueue(Lane.DIALOGUE, job()))
    await asyncio.sleep(0)
    if is_acknowledged:
        await first
    for lane, other in ((Lane.DIALOGUE, job(text="Another line.")), (Lane.BATCH, job())):
        with pytest.raises(JobIdTakenError, match="job_id='job-1'"):
            await lines.enqueue(lane, other)
    kafka.answers.set()
    await first
    assert len(kafka.sent) == 1


async def test_a_record_under_the_id_that_is_no_job_is_another_job() -> None:
    lines, recent = sender(Kafka())
    recent.note_job("job-1", Lane.DIALOGUE, b'{"job_id": "job-1"}', 0)
    with pytest.raises(JobIdTakenError):
        await lines.enqueue(Lane.DIALOGUE, job())


async def test_after_a_failure_the_same_request_sends_again() -> None:
    kafka = Kafka()
    kafka.error = KafkaConnectionError("away")
    lines, recent = sender(kafka)
    with pytest.raises(KafkaConnectionError):
        await lines.enqueue(Lane.DIALOGUE, job())
    assert recent.find("job-1") is None
    kafka.error = None
    assert await lines.enqueue(Lane.DIALOGUE, job())


async def test_a_late_acknowledgement_is_reported_and_the_repeated_request_joins_the_sending() -> None:
    kafka = Kafka()
    kafka.answers.clear()
    lines, _ = sender(kafka, acknowledged_s=0.0)
    with pytest.raises(NotAcknowledgedError, match="may still do so"):
        await lines.enqueue(Lane.DIALOGUE, job())
    with pytest.raises(NotAcknowledgedError):
        await lines.enqueue(Lane.DIALOGUE, job())
    kafka.answers.set()
    await lines.finish(LONG_S)
    assert not await lines.enqueue(Lane.DIALOGUE, job())
    assert len(kafka.sent) == 1


async def test_a_client_that_goes_away_does_not_stop_the_sending() -> None:
    kafka = Kafka()
    kafka.answers.clear()
    lines, recent = sender(kafka)
    request = asyncio.create_task(lines.enqueue(Lane.DIALOGUE, job()))
    await asyncio.sleep(0)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    kafka.answers.set()
    await lines.finish(LONG_S)
    assert recent.find("job-1") is not None


async def test_one_job_too_many_without_an_acknowledgement_is_refused_and_not_sent() -> None:
    kafka = Kafka()
    kafka.answers.clear()
    lines, _ = sender(kafka, most=1)
    first = asyncio.create_task(lines.enqueue(Lane.DIALOGUE, job()))
    await asyncio.sleep(0)
    with pytest.raises(TooManyUnacknowledgedError, match="1 jobs wait"):
        await lines.enqueue(Lane.DIALOGUE, job(job_id="job-2"))
    kafka.answers.set()
    await first
    assert await lines.enqueue(Lane.DIALOGUE, job(job_id="job-2"))


async def test_what_is_never_acknowledged_is_given_up_at_the_end() -> None:
    kafka = Kafka()
    kafka.answers.clear()
    lines, recent = sender(kafka)
    request = asyncio.create_task(lines.enqueue(Lane.DIALOGUE, job()))
    await asyncio.sleep(0)
    await lines.finish(0.0)
    with pytest.raises(asyncio.CancelledError):
        await request
    assert recent.find("job-1") is None
