"""What /readyz reports, and how a lane is resumed over HTTP."""

from __future__ import annotations

import asyncio
from socket import gethostname
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from schemas.enums import Lane
from schemas.errors import UsageError
from worker.app.readiness import Readiness
from worker.observability.http import serve_http


def readiness(
    *,
    down: list[str] | None = None,
    paused: list[Lane] | None = None,
    stopping: bool = False,
    assigned: bool = True,
    rollout_known: asyncio.Event | None = None,
    rollout_problem: str | None = None,
) -> Readiness:
    gate: Any = SimpleNamespace(waits_for=[*(down or [])], is_open=not down)
    lanes: Any = SimpleNamespace(paused=paused or [])
    signals: Any = SimpleNamespace(requested=stopping)
    assignment = asyncio.Event()
    if assigned:
        assignment.set()
    read = {} if rollout_known is None else {"the rollout's topic": rollout_known}
    problems = [] if rollout_problem is None else [rollout_problem]
    return Readiness(gate, lanes, signals, assignment, read, problems=lambda: problems)


def test_a_worker_waits_for_the_groups_first_assignment_and_is_then_ready() -> None:
    assert readiness(assigned=False).waits_for() == ["Kafka: the group's assignment"]
    assert readiness().waits_for() == []


def test_during_an_outage_the_missing_assignment_is_not_reported() -> None:
    assert readiness(down=["S3: no answer"], assigned=False).waits_for() == ["S3: no answer"]


def test_a_worker_that_follows_the_rollouts_topic_waits_for_its_first_reading() -> None:
    known = asyncio.Event()
    waiting = readiness(rollout_known=known)
    assert waiting.waits_for() == ["Kafka: the rollout's topic, read to its end"]
    known.set()
    assert waiting.waits_for() == []


def test_a_paused_lane_is_reported_with_the_command_that_ends_the_pause() -> None:
    waiting = readiness(paused=[Lane.BATCH])
    # The worker stays ready: a rollout of pods would stand still because of somebody's rubbish.
    assert waiting.waits_for() == []
    (reason,) = waiting.details()
    assert "lane batch" in reason
    assert "chirp-worker lane resume batch" in reason


def test_a_worker_that_is_shutting_down_is_not_ready() -> None:
    waiting = readiness(stopping=True)
    assert waiting.waits_for() == ["nothing: the worker is shutting down"]


TOKEN = SecretStr("a token of some length")
SHOWN = {"Authorization": "Bearer a token of some length"}


@pytest.mark.parametrize(
    ("headers", "status", "says"),
    [
        ({}, 401, "HTTP_TOKEN"),
        ({"Authorization": "Bearer another token"}, 401, "HTTP_TOKEN"),
        ({"Authorization": "a token of some length"}, 401, "HTTP_TOKEN"),
        ({"Authorization": "Basic YTph"}, 401, "HTTP_TOKEN"),
        ({**SHOWN, "Host": "evil.example"}, 403, "Host"),
        ({**SHOWN, "Host": "127.0.0.1.evil.example:8080"}, 403, "Host"),
        ({**SHOWN, "Host": "localhost.evil.example"}, 403, "Host"),
        ({**SHOWN, "Origin": "https://evil.example"}, 403, "other sites"),
        ({**SHOWN, "Origin": "null"}, 403, "other sites"),
        ({**SHOWN, "Host": "worker:8080", "Origin": "http://worker:8081"}, 403, "other sites"),
    ],
)
async def test_who_may_not_resume_a_lane_is_refused_and_told_why(
    headers: dict[str, str], status: int, says: str
) -> None:
    resumed: list[Lane] = []
    async with (
        serve_http("127.0.0.1", 0, CollectorRegistry(), list, resumed.append, token=TOKEN) as port,  # type: ignore[arg-type]
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http,
        http.post("/lanes/batch/resume", headers=headers) as answer,
    ):
        text = await answer.text()
    assert (answer.status, says in text, resumed) == (status, True, [])
    assert TOKEN.get_secret_value() not in text


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost:8080", "[::1]:8080", "worker:8080", f"{gethostname()}.worker.ns.svc:8080", "10.1.2.3:80"],
)
async def test_a_worker_may_be_called_by_its_address_or_its_own_name(host: str) -> None:
    async with (
        serve_http("127.0.0.1", 0, CollectorRegistry(), list, lambda _: True, token=TOKEN) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http,
        http.post("/lanes/batch/resume", headers={**SHOWN, "Host": host, "Origin": f"http://{host}"}) as answer,
    ):
        assert answer.status == 200


async def test_without_a_token_in_the_settings_no_lane_is_resumed_over_http() -> None:
    async with (
        serve_http("127.0.0.1", 0, CollectorRegistry(), list, lambda _: True) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=SHOWN) as http,
        http.post("/lanes/batch/resume") as answer,
    ):
        assert answer.status == 403
        assert "set HTTP_TOKEN" in (await answer.json())["error"]


async def test_a_worker_that_can_t_follow_the_rollout_is_ready_and_says_so_in_the_details() -> None:
    assert readiness().details() == []
    lost = readiness(rollout_problem="rollout: the topic hasn't answered")
    assert lost.waits_for() == []
    async with (
        serve_http("127.0.0.1", 0, CollectorRegistry(), lost.waits_for, details=lost.details) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http,
        http.get("/readyz") as answer,
    ):
        assert answer.status == 200
        assert await answer.json() == {
            "ready": True,
            "waits_for": [],
            "details": ["rollout: the topic hasn't answered"],
        }


async def test_lanes_are_resumed_by_name_over_http_and_an_unknown_name_is_refused_with_a_list_of_the_lanes() -> None:
    resumed: list[Lane] = []
    waits: list[str] = ["Kafka"]

    def resume(lane: Lane) -> bool:
        resumed.append(lane)
        return lane is Lane.BATCH

    async with (
        serve_http("127.0.0.1", 0, CollectorRegistry(), lambda: waits, resume, token=TOKEN) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=SHOWN) as http,
    ):
        async with http.post("/lanes/batch/resume") as answer:
            assert await answer.json() == {"lane": "batch", "resumed": True}
        async with http.post("/lanes/dialogue/resume") as answer:
            assert await answer.json() == {"lane": "dialogue", "resumed": False}
        async with http.post("/lanes/x%0Ay/resume") as answer:
            assert answer.status == 404
            assert "dialogue, batch" in (await answer.json())["error"]
        async with http.get("/lanes/batch/resume") as answer:
            assert answer.status == 405
        async with http.get("/readyz") as answer:
            assert answer.status == 503
            assert await answer.json() == {"ready": False, "waits_for": ["Kafka"]}
        waits.clear()
        async with http.get("/readyz") as answer:
            assert answer.status == 200
        with pytest.raises(UsageError, match=f"HTTP_PORT={port}"):
            async with serve_http("127.0.0.1", port, CollectorRegistry(), lambda: waits, resume):
                pass
    assert resumed == [Lane.BATCH, Lane.DIALOGUE]
