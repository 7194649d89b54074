"""Feedback over HTTP: what is left out is filled in, what is wrong is named, and a client's flood is held back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from schemas.enums import FeedbackKind, FeedbackReason
from schemas.feedback import Feedback
from tests.unit.console.api.serving import call, serving, token
from tests.unit.opinions import feedback_document
from worker.console.lines.idempotency import job_id_of_key

REPORT = {"kind": "report", "reason": "robotic", "job_id": "greeting-1", "user_id": "u-5f2c"}


async def test_feedback_is_passed_on_as_kafkas_message_with_what_was_left_out() -> None:
    bearer, entry = token("quests", "feedback")
    async with serving(entry) as (world, client, _):
        status, answer, _ = await call(client, "POST", "/v1/feedback", bearer=bearer, json=REPORT)
        (sent,) = world.events
        assert isinstance(sent, Feedback)
        assert (status, answer) == (202, {"feedback_id": sent.feedback_id})
        assert (sent.kind, sent.reason) == (FeedbackKind.REPORT, FeedbackReason.ROBOTIC)
        assert (sent.job_id, sent.user_id, sent.source) == ("greeting-1", "u-5f2c", "/clients/quests")
        assert sent.time == world.wall


async def test_what_a_client_says_itself_stays_and_a_key_makes_the_same_id_again() -> None:
    whole = feedback_document(job_id=None, audio="https://cdn.example/takes/a.ogg?signature=1")
    key = {"Idempotency-Key": "report-7"}
    async with serving() as (world, client, _):
        assert (await call(client, "POST", "/v1/feedback", json=whole))[0] == 202
        for _ in range(2):
            assert (await call(client, "POST", "/v1/feedback", json=REPORT, headers=key))[0] == 202
    assert world.events[0] == Feedback.model_validate(whole)
    assert [each.feedback_id for each in world.events[1:]] == [job_id_of_key("local", "report-7")] * 2  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"job_id": None}, "job_id"),
        ({"user_id": None}, "user_id"),
        ({"reason": "natural"}, "reason"),
        ({"kind": "rage"}, "kind"),
        ({"time": "yesterday"}, "time"),
        ({"feedback_id": "../x"}, "feedback_id"),
        ({"user": "u"}, "user"),
        ({"audio": "x" * 2049}, "audio"),
    ],
)
async def test_wrong_feedback_is_refused_with_its_field_and_nothing_is_sent(
    changes: dict[str, Any], field: str
) -> None:
    async with serving() as (world, client, _):
        status, problem, _ = await call(client, "POST", "/v1/feedback", json=REPORT | changes)
    assert (status, problem["type"]) == (422, "urn:chirp-worker:problem:invalid")
    assert field in [each["field"] for each in problem["errors"]]
    assert world.events == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 10_000])
async def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    async with serving() as (_, client, _):
        status, problem, _ = await call(client, "POST", "/v1/feedback", data=body, headers=headers)
    assert (status, problem["errors"][0]["field"]) == (422, "record")


async def test_a_key_that_is_none_is_refused() -> None:
    async with serving() as (_, client, _):
        status, problem, _ = await call(
            client, "POST", "/v1/feedback", data=json.dumps(REPORT),
            headers={"Content-Type": "application/json", "Idempotency-Key": "x" * 256},
        )  # fmt: skip
    assert (status, problem["errors"][0]["field"]) == (422, "Idempotency-Key")


async def test_a_clients_feedback_has_a_limit_of_its_own_that_wrong_feedback_doesnt_use_up() -> None:
    async with serving(HTTP_API_FEEDBACK_PER_MINUTE="2") as (world, client, _):
        answers = [await call(client, "POST", "/v1/feedback", json={}) for _ in range(3)]
        answers += [await call(client, "POST", "/v1/feedback", json=REPORT) for _ in range(3)]
    assert [status for status, _, _ in answers] == [422, 422, 422, 202, 202, 429]
    assert answers[-1][1]["detail"] == "local has made 2 reports in a minute, as many as it may"
    assert int(answers[-1][2]["Retry-After"]) > 0
    assert len(world.events) == 2


async def test_while_kafka_is_away_feedback_is_refused_for_now() -> None:
    async with serving() as (world, client, _):
        world.send_error = KafkaConnectionError("away")
        assert (await call(client, "POST", "/v1/feedback", json=REPORT))[0] == 503
        world.waits_for = ["Kafka: no broker answers"]
        status, problem, _ = await call(client, "POST", "/v1/feedback", json=REPORT)
    assert (status, problem["type"]) == (503, "urn:chirp-worker:problem:not-ready")
