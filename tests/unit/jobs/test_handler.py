"""Whatever a record holds and however the pipeline ends, it comes to one outcome with all of its history."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from schemas import headers as names
from schemas.completion import Completion, Problem
from schemas.enums import JobStatus, Lane
from schemas.job import Job
from schemas.topics import RETRY_DELAYS
from tests.unit.makers import CATALOGUE, fields
from tests.unit.standins import Time
from worker.jobs.handler import Handler
from worker.jobs.outcome import Outcome
from worker.kafka.consumer.received_job import read_job
from worker.kafka.consumer.record import Record
from worker.observability.metrics import Metrics

PROBLEM = Problem(failure_class="timeout", code="DEADLINE_EXCEEDED", message="slow")


class Pipeline:
    """Ends every job in the same way."""

    def __init__(self, ending: Any) -> None:
        self.ending = ending
        self.waited: list[float] = []

    async def run(self, job: Job, lane: Lane, waited: float, _: Any) -> Outcome:
        self.waited.append(waited)
        if isinstance(self.ending, BaseException):
            raise self.ending
        completion = Completion(job_id=job.job_id, status=JobStatus.FAILED, lane=lane, error=PROBLEM)
        return replace(Outcome(completion, PROBLEM, deadline=job.deadline), **self.ending)


class Handled:
    def __init__(self, ending: Any) -> None:
        self.time = Time()
        self.pipeline: Any = Pipeline(ending)
        self.metrics = Metrics(CollectorRegistry(), CATALOGUE.names)
        self.handler = Handler(self.pipeline, self.metrics, self.time.clock, 1000, RETRY_DELAYS)

    async def handle(self, value: bytes | None = None, **changes: Any) -> Outcome:
        given = {"timestamp_ms": self.time.ms - 3000, "value": value or json.dumps(fields()).encode(), **changes}
        record = Record(**{"lane": Lane.BATCH, "topic": "tts.batch", "partition": 1, "offset": 7, "key": b"k", **given})
        return await self.handler.handle(read_job(record, self.time.clock.now()), asyncio.sleep)

    def counted(self, outcome: str) -> float | None:
        return self.metrics.registry.get_sample_value("tts_jobs_total", {"lane": "batch", "outcome": outcome})

    def dead_letters(self) -> dict[str, float]:
        samples = [sample for family in self.metrics.registry.collect() for sample in family.samples]
        counted = [each for each in samples if each.name == "tts_dead_letters_total" and each.value]
        return {each.labels["reason"]: each.value for each in counted if each.labels["lane"] == "batch"}


async def test_a_failure_that_may_pass_is_counted_and_logged_as_retried_and_not_as_ended() -> None:
    handled = Handled({"retryable": True})
    with capture_logs() as logs:
        outcome = await handled.handle()
    assert outcome.retry is not None
    assert outcome.completion is outcome.dead_letter is None
    assert outcome.retry.due_ms >= handled.time.ms + 10_000
    assert (handled.counted("retried"), handled.counted("failed")) == (1, 0)
    assert handled.dead_letters() == {}
    assert (logs[0]["outcome"], logs[0]["delay"], logs[0]["error"]) == ("retried", "10s", "timeout")


async def test_a_job_that_waited_for_its_retry_is_as_old_as_its_first_record() -> None:
    handled = Handled({})
    headers = [
        (names.RETRY_TOPIC, b"tts.batch"),
        (names.RETRY_PARTITION, b"0"),
        (names.RETRY_OFFSET, b"3"),
        (names.RETRY_TIMESTAMP_MS, str(handled.time.ms - 90_000).encode()),
        (names.RETRY_TRIES, b"3"),
    ]
    outcome = await handled.handle(headers=headers, delay="10m", topic="tts.retry.batch.10m")
    assert handled.pipeline.waited == [90.0]
    assert outcome.dead_letter == PROBLEM
    assert outcome.history is not None
    assert (outcome.history.topic, outcome.history.offset, outcome.history.tries) == ("tts.batch", 3, 3)
    assert handled.counted("failed") == 1
    assert handled.dead_letters() == {"timeout": 1}


async def test_a_job_that_would_be_retried_after_its_deadline_has_expired() -> None:
    handled = Handled({"retryable": True})
    deadline = (handled.time.clock.now() + timedelta(seconds=5)).isoformat()
    outcome = await handled.handle(json.dumps(fields(deadline=deadline)).encode())
    assert outcome.completion is not None
    assert outcome.completion.status is JobStatus.EXPIRED
    assert outcome.dead_letter is None
    assert handled.counted("expired") == 1


async def test_a_stream_in_the_batch_lane_is_rejected_with_the_field_that_is_wrong() -> None:
    handled = Handled({})
    handled.handler._reply_topics = frozenset({"game"})
    streamed = json.dumps(fields(stream=True, reply_topic="game")).encode()
    outcome = await handled.handle(streamed)
    assert outcome.rejected
    assert outcome.dead_letter is not None
    assert outcome.dead_letter.field == "stream"
    assert outcome.dead_letter.message == "True: allowed in the dialogue lane alone, this is batch"
    assert outcome.completion is not None
    assert outcome.completion.reply_topic == "game"
    spoken = await handled.handle(streamed, lane=Lane.DIALOGUE, topic="tts.dialogue")
    assert not spoken.rejected


@pytest.mark.parametrize("value", [b"[]", b"\xff", b"{", b"[" * 100_000, b"1" * 10_000, b'{"job_id": []}'])
async def test_what_is_no_job_and_has_no_id_is_rejected_with_a_dead_letter_alone(value: bytes) -> None:
    handled = Handled({})
    outcome = await handled.handle(value)
    assert outcome.completion is outcome.retry is None
    assert outcome.rejected
    assert handled.counted("rejected") == 1
    assert handled.pipeline.waited == []


async def test_what_is_no_job_and_has_an_id_is_told_by_a_completion_too_and_never_retried() -> None:
    handled = Handled({})
    outcome = await handled.handle(json.dumps(fields(text="x" * 1001)).encode())
    assert outcome.rejected
    assert outcome.retry is None
    assert outcome.completion is not None
    assert outcome.completion.error is not None
    assert outcome.completion.error.field == "text"


async def test_a_record_that_could_not_be_decoded_says_why() -> None:
    outcome = await Handled({}).handle(unreadable="invalid start byte")
    assert outcome.rejected
    assert outcome.dead_letter is not None
    assert "invalid start byte" in outcome.dead_letter.message


async def test_a_fault_of_ours_ends_the_job_alone_and_can_be_published() -> None:
    handled = Handled(RuntimeError("a\ud800b"))
    with capture_logs() as logs:
        outcome = await handled.handle()
    assert outcome.retry is None
    assert not outcome.rejected
    assert outcome.completion is not None
    outcome.completion.model_dump_json()
    assert outcome.dead_letter is not None
    assert (outcome.dead_letter.failure_class, outcome.dead_letter.code) == ("internal", "RuntimeError")
    assert [each["event"] for each in logs] == ["job_crashed", "job"]


async def test_a_job_that_is_cancelled_has_no_outcome() -> None:
    handled = Handled({})
    handled.pipeline.run = lambda *_: asyncio.sleep(60)
    job = asyncio.create_task(handled.handle())
    await asyncio.sleep(0)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert handled.counted("failed") == 0


async def test_a_cancellation_that_nobody_asked_for_is_a_crash_and_loses_no_job() -> None:
    handled = Handled(asyncio.CancelledError())
    outcome = await handled.handle()
    assert outcome.dead_letter is not None
    assert (outcome.dead_letter.failure_class, outcome.dead_letter.code) == ("internal", "CancelledError")
    assert handled.counted("failed") == 1
