"""What every request passes: errors as problem documents, metrics by route, the document as it is committed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from structlog.testing import capture_logs

from schemas.enums import VoiceModel
from tests.unit.console.api.serving import LINE, call, completion, serving
from tests.unit.makers import CATALOGUE, job
from worker.console.api.app import describe_app
from worker.console.api.openapi import TARGET, document_text
from worker.speech.render import render
from worker.storage.takes import new_take, take_key


def test_the_committed_document_is_made_of_the_routes() -> None:
    assert TARGET.read_text(encoding="utf-8") == document_text(describe_app()), "run `make schemas`"


async def test_the_document_is_served_and_no_page_that_loads_scripts_from_elsewhere() -> None:
    async with serving() as (_, client, _):
        status, document, _ = await call(client, "GET", "/v1/openapi.json")
        assert (status, document) == (200, json.loads(TARGET.read_text(encoding="utf-8")))
        assert [(await call(client, "GET", path))[0] for path in ("/docs", "/redoc", "/openapi.json")] == [404] * 3


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("PUT", "/v1/lines", 405)])
async def test_an_address_or_a_method_that_there_is_not_is_a_problem_too(method: str, path: str, status: int) -> None:
    async with serving() as (_, client, _):
        found, problem, headers = await call(client, method, path)
    assert (found, problem["status"]) == (status, status)
    assert headers["Content-Type"] == "application/problem+json"


async def test_an_error_that_nobody_foresaw_is_logged_and_shows_nothing() -> None:
    async with serving() as (world, client, _):
        world.send_error = RuntimeError("secret")
        with capture_logs() as logs:
            status, problem, _ = await call(client, "POST", "/v1/lines", json=LINE)
        assert (status, problem["detail"]) == (500, "an error of the server; its log has the reason")
    assert [each["event"] for each in logs] == ["request_crashed"]


async def test_requests_are_counted_by_the_template_of_their_route_never_by_address() -> None:
    async with serving(HTTP_API_REQUESTS_PER_MINUTE="4") as (world, client, _):
        await call(client, "POST", "/v1/lines", json=LINE)
        await call(client, "POST", "/v1/lines", json={})
        await call(client, "GET", "/v1/lines/none")
        await call(client, "DELETE", "/v1/lines/none")
        await call(client, "GET", "/v1/lines/none")
        await call(client, "GET", "/wp-admin")
        await call(client, "PATCH", "/v1/lines/a")
        await call(client, "GET", "/v1/openapi.json")
        counted = {
            tuple(sample.labels[name] for name in ("route", "method", "status", "outcome")): sample.value
            for family in world.metrics.registry.collect()
            for sample in family.samples
            if sample.name == "tts_http_requests_total"
        }
        timed = {
            (sample.labels["route"], sample.labels["method"]): sample.value
            for family in world.metrics.registry.collect()
            for sample in family.samples
            if sample.name == "tts_http_request_duration_seconds_count"
        }
    assert counted == {
        ("/v1/lines", "POST", "2xx", "accepted"): 1,
        ("/v1/lines", "POST", "4xx", "invalid"): 1,
        ("/v1/lines/{job_id}", "GET", "4xx", "not_found"): 1,
        ("/v1/lines/{job_id}", "DELETE", "4xx", "not_found"): 1,
        ("/v1/lines/{job_id}", "GET", "4xx", "limited"): 1,
        ("other", "GET", "4xx", "not_found"): 1,
        ("/v1/lines/{job_id}", "other", "4xx", "not_found"): 1,
        ("/v1/openapi.json", "GET", "2xx", "ok"): 1,
    }
    assert timed[("/v1/lines/{job_id}", "GET")] == 2
    assert sum(timed.values()) == 8


async def test_takes_that_are_stored_are_found_by_the_pipelines_keys_and_nothing_is_made() -> None:
    made = job(text="Hello.")
    voices = {each: CATALOGUE.voice("pip_boy", "en-US", each) for each in VoiceModel}
    rendered = {name: render(made, CATALOGUE.characters["pip_boy"], voice) for name, voice in voices.items()}
    keys = {name.value: take_key("takes", "pip_boy", each, 1) for name, each in rendered.items()}
    question = {"character": "pip_boy", "text": "Hello."}
    async with serving() as (world, client, _):
        world.stored[keys["wavenet"]] = new_take(keys["wavenet"], rendered[VoiceModel.WAVENET], b"audio", 1.5)
        status, answer, _ = await call(client, "GET", "/v1/takes", params=question)
        assert status == 200
        assert {each["voice_model"]: each["key"] for each in answer["takes"]} == keys
        assert {each["voice_model"]: each["stored"] for each in answer["takes"]} == {
            "chirp3-hd": False,
            "wavenet": True,
        }
        (stored,) = [each["audio"] for each in answer["takes"] if each["stored"]]
        assert (stored["duration_s"], stored["url"]) == (1.5, f"https://cdn.example/{keys['wavenet']}?signature=1")
        _, one, _ = await call(client, "GET", "/v1/takes", params={**question, "voice": "wavenet"})
        assert [each["key"] for each in one["takes"]] == [keys["wavenet"]]
        _, whole, _ = await call(client, "GET", "/v1/takes", params={"job": json.dumps({**question, "take": 2})})
        assert not {each["key"] for each in whole["takes"]} & set(keys.values())
    assert world.sent == []


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ({}, "character"),
        ({"character": "pip_boy"}, "text"),
        ({"character": "nobody", "text": "x"}, "character"),
        ({"character": "pip_boy", "text": "x", "encoding": "FLAC"}, "encoding"),
        ({"character": "pip_boy", "text": "x", "sample_rate": "7"}, "audio"),
        ({"character": "pip_boy", "text": "x", "take": "0"}, "take"),
        ({"character": "pip_boy", "job": "{}"}, "job"),
        ({"job": "{"}, "record"),
    ],
)
async def test_a_wrong_question_for_takes_names_the_field(question: dict[str, str], field: str) -> None:
    async with serving() as (_, client, _):
        status, problem, _ = await call(client, "GET", "/v1/takes", params=question)
    assert (status, problem["errors"][0]["field"]) == (422, field)


async def test_completions_come_as_events_that_pass_the_filter_until_the_process_stops() -> None:
    async with serving() as (world, client, _), asyncio.timeout(60):
        question = "/v1/events?character=codsworth&label=scene:7"
        async with client.get(question) as answer:
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            assert await answer.content.readuntil(b"\n\n") == b": listening\n\n"
            world.end(completion("a", labels={"scene": "7"}))
            world.end(completion("b", labels={"scene": "8"}))
            world.end(completion("c", labels={"scene": "7"}, character="raider"))
            world.end(completion("d", labels={"scene": "7"}))
            events = [parsed(await answer.content.readuntil(b"\n\n")) for _ in range(2)]
            assert [(each["event"], each["id"]) for each in events] == [
                ("completion", "1:ce-a"),
                ("completion", "4:ce-d"),
            ]
            assert json.loads(events[0]["data"])["job_id"] == "a"
            world.streams.stop()
            assert await answer.content.read() == b""
    assert len(world.streams) == 0


async def events_after(client: Any, last: str, count: int) -> list[dict[str, str]]:
    async with client.get("/v1/events?label=scene:7", headers={"Last-Event-ID": last}) as answer:
        assert await answer.content.readuntil(b"\n\n") == b": listening\n\n"
        return [parsed(await answer.content.readuntil(b"\n\n")) for _ in range(count)]


async def test_a_stream_goes_on_after_the_last_event_of_an_earlier_one_and_says_what_is_deleted() -> None:
    async with serving() as (world, client, _), asyncio.timeout(60):
        for name in "abcd":
            world.end(completion(name, labels={"scene": "8" if name == "c" else "7"}))
        assert [each["id"] for each in await events_after(client, "1:ce-a", 2)] == ["2:ce-b", "4:ce-d"]
        world.deleted = 3
        events = await events_after(client, "1:ce-a", 2)
        assert [(each["event"], each.get("id")) for each in events] == [("gap", None), ("completion", "4:ce-d")]
        status, problem, _ = await call(client, "GET", "/v1/events", headers={"Last-Event-ID": "ce-a"})
        assert (status, problem["errors"][0]["field"]) == (422, "Last-Event-ID")


async def test_a_stream_that_cant_go_on_ends_so_that_the_client_comes_again() -> None:
    async with serving() as (world, client, _), asyncio.timeout(60):
        world.read_error = KafkaConnectionError("away")
        with capture_logs() as logs:
            async with client.get("/v1/events", headers={"Last-Event-ID": "1:ce-a"}) as answer:
                assert await answer.content.read() == b": listening\n\n"
    assert [each["event"] for each in logs] == ["events_not_repeated"]
    assert len(world.streams) == 0


@pytest.mark.parametrize(
    ("question", "field"),
    [("label=x", "label"), ("label=:x", "label"), ("lane=fast", "lane"), ("status=gone", "status")],
)
async def test_a_wrong_filter_is_refused_before_the_stream_begins(question: str, field: str) -> None:
    async with serving() as (_, client, _):
        status, problem, _ = await call(client, "GET", f"/v1/events?{question}")
    assert (status, problem["errors"][0]["field"]) == (422, field)


async def test_a_reader_that_goes_away_ends_its_stream() -> None:
    async with serving(HTTP_API_MAX_STREAMS="1") as (world, client, _), asyncio.timeout(60):
        for _ in range(3):
            async with client.get("/v1/events") as answer:
                assert await answer.content.readuntil(b"\n\n") == b": listening\n\n"
                answer.close()
            while len(world.streams):
                await asyncio.sleep(0.001)


async def test_one_stream_too_many_is_refused() -> None:
    async with serving(HTTP_API_MAX_STREAMS="1") as (world, client, _):
        async with client.get("/v1/events") as first:
            await first.content.readuntil(b"\n\n")
            status, problem, headers = await call(client, "GET", "/v1/events")
            assert (status, problem["type"], headers["Retry-After"]) == (429, "urn:chirp-worker:problem:full", "1")
        world.streams.stop()


def parsed(event: bytes) -> dict[str, Any]:
    return dict(line.split(": ", 1) for line in event.decode().strip().splitlines())
