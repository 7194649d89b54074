"""Lines over HTTP: enqueued once, waited for, found, heard; each refusal says what is allowed."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from schemas.enums import JobStatus, Lane
from schemas.parsing import FieldProblem, InvalidJobError, validate_job
from schemas.times import time_of_ms
from tests.unit.console.api.serving import KEY, LINE, call, completion, serving, token
from tests.unit.makers import CATALOGUE
from worker.console.lines.idempotency import job_id_of_key
from worker.storage.errors import StorageRefusedError


def problems_of(document: dict[str, Any]) -> tuple[FieldProblem, ...]:
    """What `chirp-worker enqueue` says of a job."""
    try:
        CATALOGUE.admit(validate_job(document))
    except InvalidJobError as error:
        return error.problems
    return ()


async def until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.001)


async def test_a_line_is_enqueued_and_its_address_returned() -> None:
    async with serving() as (world, client, _):
        status, line, headers = await call(client, "POST", "/v1/lines?lane=batch", json={**LINE, "job_id": "a"})
    assert status == 202
    assert headers["Location"] == "/v1/lines/a"
    assert line["state"] == "queued"
    assert (line["job_id"], line["lane"], line["audio_address"]) == ("a", "batch", "/v1/lines/a/audio")
    assert "completion" not in line
    assert [(lane, job.job_id) for lane, job in world.sent] == [(Lane.BATCH, "a")]


async def test_a_line_that_is_waited_for_comes_with_its_completion_though_that_is_faster_than_kafkas_answer() -> None:
    async with serving() as (world, client, _):
        world.ends_at_once = True
        status, line, _ = await call(client, "POST", "/v1/lines?wait=60s", json=LINE)
    assert (status, line["state"]) == (200, "done")
    assert line["completion"]["audio"]["key"] == KEY
    assert line["completion"]["audio"]["url"] == f"https://cdn.example/{KEY}?signature=1"


async def test_a_wait_that_ends_first_answers_where_the_line_is() -> None:
    async with serving() as (_, client, _):
        status, line, _ = await call(client, "POST", "/v1/lines?wait=1ms", json=LINE)
    assert (status, line["state"]) == (202, "queued")


async def test_the_completion_wakes_whoever_waits() -> None:
    async with serving() as (world, client, _):
        waiting = asyncio.create_task(call(client, "POST", "/v1/lines?wait=60s", json={**LINE, "job_id": "a"}))
        await until(lambda: world.sent)
        world.end(completion("b"))
        world.end(completion("a"))
        status, line, _ = await waiting
        assert (status, line["job_id"], len(world.waiters)) == (200, "a", 0)


async def test_a_client_that_goes_away_waits_no_longer() -> None:
    async with serving() as (world, client, _):
        waiting = asyncio.create_task(call(client, "POST", "/v1/lines?wait=60s", json=LINE))
        await until(lambda: len(world.waiters) == 1)
        waiting.cancel()
        await until(lambda: len(world.waiters) == 0)


async def test_a_key_makes_the_jobs_id_and_the_repeated_request_finds_the_completion() -> None:
    async with serving() as (world, client, _):
        key = {"Idempotency-Key": "scene-7/line-3"}
        _, first, _ = await call(client, "POST", "/v1/lines", json=LINE, headers=key)
        _, second, _ = await call(client, "POST", "/v1/lines", json=LINE, headers=key)
        world.end(completion(first["job_id"]))
        status, third, _ = await call(client, "POST", "/v1/lines", json=LINE, headers=key)
    assert first["job_id"] == second["job_id"] == third["job_id"] == job_id_of_key("local", "scene-7/line-3")
    assert (status, third["state"], len(world.sent)) == (200, "done", 1)


async def test_the_jobs_own_id_goes_before_the_key_and_without_both_each_request_is_a_line_of_its_own() -> None:
    async with serving() as (world, client, _):
        await call(client, "POST", "/v1/lines", json={**LINE, "job_id": "a"}, headers={"Idempotency-Key": "k"})
        _, first, _ = await call(client, "POST", "/v1/lines", json=LINE)
        _, second, _ = await call(client, "POST", "/v1/lines", json={**LINE, "job_id": None})
    assert world.sent[0][1].job_id == "a"
    assert first["job_id"] != second["job_id"]
    assert len(world.sent) == 3


async def test_another_line_under_the_same_key_is_refused() -> None:
    async with serving() as (world, client, _):
        key = {"Idempotency-Key": "k"}
        await call(client, "POST", "/v1/lines", json=LINE, headers=key)
        status, problem, headers = await call(
            client, "POST", "/v1/lines", json={**LINE, "text": "Another."}, headers=key
        )
    assert (status, problem["type"]) == (409, "urn:chirp-worker:problem:id-taken")
    assert headers["Content-Type"] == "application/problem+json"
    assert len(world.sent) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"character": "nobody"},
        {"language": "xx-XX"},
        {"voice": "robot"},
        {"text": None},
        {"text": ""},
        {"pitch": 21, "speaking_rate": 9, "colour": "red"},
        {"job_id": "../x"},
        {"deadline": "soon"},
    ],
)
async def test_a_wrong_job_is_refused_with_the_errors_of_the_command_line(change: dict[str, Any]) -> None:
    document = {**LINE, "job_id": "a", **change}
    async with serving() as (world, client, _):
        status, problem, headers = await call(client, "POST", "/v1/lines", json=document)
    refused = problems_of(document)
    assert (status, headers["Content-Type"]) == (422, "application/problem+json")
    assert problem["errors"] == [{"field": each.field, "message": each.message} for each in refused]
    assert refused[0].field in problem["detail"]
    assert world.sent == []


async def test_a_reply_topic_that_the_workers_do_not_allow_is_refused() -> None:
    async with serving(REPLY_TOPICS="game-1") as (world, client, _):
        status, problem, _ = await call(client, "POST", "/v1/lines", json={**LINE, "reply_topic": "game-2"})
        assert (status, problem["errors"][0]["field"]) == (422, "reply_topic")
        assert "'game-2': allowed is (REPLY_TOPICS): game-1" in problem["detail"]
        assert (await call(client, "POST", "/v1/lines", json={**LINE, "reply_topic": "game-1"}))[0] == 202
    assert len(world.sent) == 1


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 422),
        (b"{", "application/json", 422),
        (b"[]", "application/json", 422),
        (b"\xff", "application/json; charset=utf-8", 422),
        (b"[" * 100_000, "application/json", 422),
        (b"{}", "text/plain", 415),
        (b" " * 1_300_000, "application/json", 413),
    ],
)
async def test_a_body_that_is_no_job_is_refused(body: bytes, kind: str, status: int) -> None:
    async with serving() as (_, client, _):
        sent, headers = io.BytesIO(body), {"Content-Type": kind}
        found, problem, _ = await call(client, "POST", "/v1/lines", data=sent, headers=headers)
    assert (found, problem["status"]) == (status, status)


@pytest.mark.parametrize("wait", ["", "2", "s", "-1s", "1h", "61s", "1.5m", "2s ", "９s", "nan", "1e9s"])
async def test_a_wrong_wait_is_refused_with_what_is_allowed(wait: str) -> None:
    async with serving() as (world, client, _):
        for method, path, body in (("POST", "/v1/lines", LINE), ("GET", "/v1/lines/a", None)):
            status, problem, _ = await call(client, method, path, params={"wait": wait}, json=body)
            assert (status, problem["errors"][0]["field"]) == (422, "wait")
            assert "such as 500ms or 2s, at most 60s" in problem["detail"]
    assert world.sent == []


@hypothesis_settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(max_size=9), st.none() | st.text(max_size=30) | st.integers() | st.booleans()))
def test_any_document_is_answered_and_none_that_the_command_line_refuses_is_sent(document: dict[str, Any]) -> None:
    async def ask() -> None:
        async with serving() as (world, client, _):
            status, answer, _ = await call(client, "POST", "/v1/lines", json=document)
            assert status in {202, 422}
            assert (status == 202) == (len(world.sent) == 1)
            assert status == 202 or answer["errors"]

    asyncio.run(ask())


async def test_when_kafka_is_away_the_line_is_refused_for_now() -> None:
    async with serving() as (world, client, _):
        world.waits_for.append("Kafka: no broker answers: start it")
        status, problem, headers = await call(client, "POST", "/v1/lines", json=LINE)
        assert (status, headers["Retry-After"]) == (503, "5")
        assert "no broker answers" in problem["detail"]
        world.waits_for.clear()
        world.send_error = KafkaConnectionError("away")
        status, problem, headers = await call(client, "POST", "/v1/lines", json=LINE)
        assert (status, problem["type"]) == (503, "urn:chirp-worker:problem:kafka")
        world.send_error = MessageSizeTooLargeError("large")
        assert (await call(client, "POST", "/v1/lines", json=LINE))[0] == 413
        world.send_error = None
        assert (await call(client, "POST", "/v1/lines", json=LINE))[0] == 202


async def test_one_waiter_too_many_is_refused_and_its_line_is_not_sent() -> None:
    async with serving(HTTP_API_MAX_WAITERS="1") as (world, client, _):
        first = asyncio.create_task(call(client, "POST", "/v1/lines?wait=60s", json={**LINE, "job_id": "a"}))
        await until(lambda: len(world.waiters) == 1)
        status, problem, headers = await call(client, "POST", "/v1/lines?wait=60s", json=LINE)
        assert (status, headers["Retry-After"]) == (429, "1")
        assert problem["type"] == "urn:chirp-worker:problem:full"
        assert len(world.sent) == 1
        world.end(completion("a"))
        assert (await first)[0] == 200


async def test_who_waits_when_the_process_stops_is_asked_to_come_again() -> None:
    async with serving() as (world, client, server):
        waiting = asyncio.create_task(call(client, "POST", "/v1/lines?wait=60s", json={**LINE, "job_id": "a"}))
        await until(lambda: len(world.waiters) == 1)
        server.stop()
        world.waiters.stop()
        status, problem, headers = await waiting
    assert (status, problem["type"]) == (503, "urn:chirp-worker:problem:stopping")
    assert headers["Retry-After"] == "5"


async def test_a_line_is_found_by_its_id_and_an_unknown_one_is_not() -> None:
    async with serving() as (world, client, _):
        await call(client, "POST", "/v1/lines", json={**LINE, "job_id": "a"})
        assert (await call(client, "GET", "/v1/lines/a"))[1]["state"] == "queued"
        world.end(completion("a", status=JobStatus.FAILED, audio=None))
        status, line, _ = await call(client, "GET", "/v1/lines/a?wait=60s")
        assert (status, line["state"], line["completion"]["status"]) == (200, "failed", "failed")
        status, problem, _ = await call(client, "GET", "/v1/lines/b")
        assert (status, problem["type"]) == (404, "urn:chirp-worker:problem:unknown-line")
        assert "keeps the last 50,000, and has read back 3600 s" in problem["detail"]
        assert (await call(client, "GET", "/v1/lines/..%2Fx"))[0] in {404, 422}


async def test_the_audio_is_at_an_address_of_now_once_the_line_is_done() -> None:
    async with serving() as (world, client, _):
        await call(client, "POST", "/v1/lines", json={**LINE, "job_id": "a"})
        status, problem, _ = await call(client, "GET", "/v1/lines/a/audio")
        assert (status, problem["detail"]) == (409, "job_id='a': hasn't ended yet")
        world.end(completion("a"))
        status, _, headers = await call(client, "GET", "/v1/lines/a/audio")
        assert (status, headers["Location"]) == (302, f"https://cdn.example/{KEY}?signature=1")
        assert headers["Cache-Control"] == "no-store"
        _, line, _ = await call(client, "GET", "/v1/lines/a")
        assert line["completion"]["audio"]["url"] == f"https://cdn.example/{KEY}?signature=1"
        world.end(completion("b", status=JobStatus.EXPIRED, audio=None))
        status, problem, _ = await call(client, "GET", "/v1/lines/b/audio")
        assert (status, problem["detail"]) == (409, "job_id='b': ended as expired, without audio")


@pytest.mark.parametrize(("age_s", "host"), [(0, "worker"), (2, "cdn"), (3600, "cdn")])
async def test_a_completion_that_has_just_come_keeps_its_workers_address(age_s: int, host: str) -> None:
    done = completion("a")
    assert done.audio is not None
    done = done.model_copy(update={"audio": done.audio.model_copy(update={"url": "https://worker.example/a"})})
    async with serving() as (world, client, _):
        world.end(done)
        line = world.recent.find("a")
        assert line is not None
        line.ended_ms = int((datetime.now(UTC) - timedelta(seconds=age_s)).timestamp() * 1000)
        world.wall = time_of_ms(line.ended_ms) + timedelta(seconds=age_s)
        _, answer, _ = await call(client, "GET", "/v1/lines/a")
    assert answer["completion"]["audio"]["url"].startswith(f"https://{host}.example/")


async def test_a_line_is_found_without_an_address_where_none_can_be_signed() -> None:
    async with serving() as (world, client, _):
        world.url_error = StorageRefusedError("no credentials")
        world.end(completion("a"))
        status, line, _ = await call(client, "GET", "/v1/lines/a")
        assert (status, line["state"], "url" in line["completion"]["audio"]) == (200, "done", False)
        status, problem, headers = await call(client, "GET", "/v1/lines/a/audio")
        assert (status, problem["type"], headers["Retry-After"]) == (503, "urn:chirp-worker:problem:storage", "5")


async def test_one_client_enqueues_no_more_lines_a_minute_than_it_may_and_may_read_on() -> None:
    (unity, one), (godot, other) = token("unity", "enqueue,read"), token("godot", "enqueue")
    async with serving(one, other, HTTP_API_LINES_PER_MINUTE="2") as (world, client, _):
        for _ in range(2):
            assert (await call(client, "POST", "/v1/lines", bearer=unity, json=LINE))[0] == 202
        status, problem, headers = await call(client, "POST", "/v1/lines", bearer=unity, json=LINE)
        assert (status, problem["type"]) == (429, "urn:chirp-worker:problem:rate")
        assert 60 <= int(headers["Retry-After"]) <= 61
        assert (await call(client, "POST", "/v1/lines", bearer=godot, json=LINE))[0] == 202
        assert (await call(client, "GET", "/v1/lines/x", bearer=unity))[0] == 404
        world.now += int(headers["Retry-After"])
        assert (await call(client, "POST", "/v1/lines", bearer=unity, json=LINE))[0] == 202


async def test_a_request_that_is_refused_for_now_or_repeated_is_no_line_of_the_limit() -> None:
    once = {**LINE, "job_id": "once"}
    async with serving(HTTP_API_LINES_PER_MINUTE="1") as (world, client, _):
        world.waits_for = ["Kafka"]
        for _ in range(3):
            assert (await call(client, "POST", "/v1/lines", json=once))[0] == 503
        world.waits_for = []
        for _ in range(3):
            assert (await call(client, "POST", "/v1/lines", json=once))[0] == 202
        assert (await call(client, "POST", "/v1/lines", json=LINE))[0] == 429
