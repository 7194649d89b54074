"""A completion stands where everybody reads it, and where the one who asked for it does, if that is allowed."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from schemas.completion import Completion, Problem
from schemas.enums import JobStatus, Lane
from schemas.headers import LETTER_HEADERS, REPLAY_HEADERS, RETRY_HEADERS, Headers, passed_headers
from schemas.job import Job
from schemas.topics import RETRY_DELAYS
from tests.unit.makers import CATALOGUE, fields
from tests.unit.standins import Time
from tests.unit.world import WAV, World
from worker.jobs.handler import Handler
from worker.jobs.outcome import Outcome
from worker.kafka.consumer.received_job import read_job
from worker.kafka.consumer.record import Record
from worker.kafka.delivery.outbox import Addresses, OutcomeMessages
from worker.kafka.delivery.sender import Message
from worker.observability.metrics import Metrics

ALLOWED = frozenset({"game-1", "game-2"})
EVERYBODY = "tts.completions"


class Broken:
    """A pipeline with a fault of ours."""

    async def run(self, *_: Any) -> Outcome:
        raise RuntimeError("oh")


async def published(
    allowed: frozenset[str] = ALLOWED, pipeline: Any = None, headers: Headers | None = None, **changes: Any
) -> list[Message]:
    """What is written for a record of a job with these changes."""
    world, time = World(), Time()
    metrics = Metrics(CollectorRegistry(), CATALOGUE.names)
    handler = Handler(pipeline or world.pipeline, metrics, time.clock, 1000, RETRY_DELAYS, reply_topics=allowed)
    value = json.dumps({**fields(audio=WAV), **changes}).encode()
    record = Record(Lane.DIALOGUE, "tts.dialogue", 1, 7, b"scene-1", value, headers or [], timestamp_ms=time.ms)
    outcome = await handler.handle(read_job(record, datetime.now(UTC)), asyncio.sleep)
    return OutcomeMessages(Addresses.for_group("tts", "g"), time.clock).build(record, outcome)


def topics(messages: list[Message]) -> list[str]:
    return [message.topic for message in messages]


async def test_a_job_that_names_no_topic_is_answered_where_everybody_reads() -> None:
    assert topics(await published()) == [EVERYBODY]


async def test_a_job_that_names_a_topic_is_answered_there_too_with_the_same_record() -> None:
    to_all, to_one = await published(reply_topic="game-2")
    assert (to_all.topic, to_one.topic) == (EVERYBODY, "game-2")
    assert (to_all.key, to_all.value, to_all.headers) == (to_one.key, to_one.value, to_one.headers)
    assert to_one.key == b"scene-1"
    completion = Completion.model_validate_json(to_one.value or b"")
    assert (completion.status, completion.reply_topic) == (JobStatus.DONE, "game-2")
    assert completion.attempts


async def test_the_http_api_reads_completions_in_their_own_topic_and_gets_no_copy_beside_its_streams() -> None:
    assert topics(await published(frozenset({"tts.streams"}), reply_topic="tts.streams")) == [EVERYBODY]


@pytest.mark.parametrize("allowed", [frozenset(), ALLOWED])
async def test_a_topic_that_is_not_allowed_makes_a_dead_letter_that_names_it_and_what_is(
    allowed: frozenset[str],
) -> None:
    letter, completion = await published(allowed, reply_topic="somebody-elses")
    assert (letter.topic, completion.topic) == ("tts.dead-letters", EVERYBODY)
    headers = dict(letter.headers)
    assert headers["dead-letter-class"] == b"bad_input"
    assert headers["dead-letter-field"] == b"reply_topic"
    reported = headers["dead-letter-message"].decode()
    assert "'somebody-elses' is no topic to reply to" in reported
    assert reported.endswith("game-1, game-2" if allowed else "none")


@pytest.mark.parametrize("bad", [{"character": "nobody"}, {"text": ""}, {"take": 0}, {"text": "x" * 1001}])
async def test_who_sent_a_job_that_is_none_is_told_so_too(bad: dict[str, Any]) -> None:
    messages = await published(reply_topic="game-1", **bad)
    assert topics(messages) == ["tts.dead-letters", EVERYBODY, "game-1"]
    assert Completion.model_validate_json(messages[-1].value or b"").status is JobStatus.FAILED


@pytest.mark.parametrize("name", [7, "", "game/1", "x" * 250, None, ["game-1"]])
async def test_what_is_no_name_of_a_topic_is_answered_nowhere_else(name: Any) -> None:
    assert "game-1" not in topics(await published(reply_topic=name, text=""))


async def test_who_asked_hears_of_a_fault_of_ours_too() -> None:
    messages = await published(pipeline=Broken(), reply_topic="game-1")
    assert topics(messages) == ["tts.dead-letters", EVERYBODY, "game-1"]


async def test_a_job_on_its_way_to_a_retry_is_answered_nowhere_yet() -> None:
    class Failing:
        async def run(self, job: Job, lane: Lane, *_: Any) -> Outcome:
            problem = Problem(failure_class="timeout", code="X", message="slow")
            completion = Completion(job_id=job.job_id, status=JobStatus.FAILED, lane=lane, error=problem)
            return Outcome(completion, problem, retryable=True)

    assert topics(await published(pipeline=Failing(), reply_topic="game-1")) == ["tts.retry.dialogue.10s"]


# The producer's headers


TRACE: Headers = [
    ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("correlation-id", b"c-77"),
    ("correlation-id", b"\xff"),
]


async def test_the_producers_headers_come_through_to_the_completion_and_to_the_reply() -> None:
    to_all, to_one = await published(headers=TRACE, reply_topic="game-1")
    assert to_all.headers == to_one.headers
    assert to_all.headers[-3:] == TRACE
    assert dict(to_all.headers)["ce_type"] == b"chirp-worker.completion.v1"


@pytest.mark.parametrize("bad", [{"character": "nobody"}, {"text": ""}])
async def test_they_come_through_to_the_dead_letter_and_its_completion(bad: dict[str, Any]) -> None:
    letter, completion = await published(headers=TRACE, **bad)
    assert letter.headers[:3] == TRACE
    assert completion.headers[-3:] == TRACE


async def test_headers_of_ours_and_of_the_jobs_own_event_do_not_come_through() -> None:
    ours = RETRY_HEADERS | LETTER_HEADERS | REPLAY_HEADERS | {"ce_id", "ce_source", "CE_Type", "Content-Type"}
    (completion,) = await published(headers=[(name, b"1") for name in sorted(ours)] + [("ce_partitionkey", b"p")])
    names = [name for name, _ in completion.headers]
    assert names[-1] == "ce_partitionkey", "an extension of CloudEvents passes"
    assert len(names) == len(set(names)) == 8
    assert names.count("ce_id") == 1


def test_headers_come_through_within_a_bound_and_those_of_tracing_first() -> None:
    many: Headers = [(f"h{number}", b"x") for number in range(100)]
    assert passed_headers(many) == many[:32]
    assert passed_headers([*many, *TRACE]) == [*many[:29], *TRACE]
    large: Headers = [("a", bytes(9000)), ("b", bytes(8000)), ("c", bytes(191)), ("d", bytes(190)), *TRACE[:1]]
    assert [name for name, _ in passed_headers(large)] == ["b", "traceparent"]
    none: Headers = [("a", None)]  # type: ignore[list-item]  # aiokafka reads a header without a value so
    assert passed_headers(none) == none
