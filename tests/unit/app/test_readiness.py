"""What /readyz reports, and how a lane is resumed over HTTP."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

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
) -> Readiness:
    gate: Any = SimpleNamespace(waits_for=[*(down or [])], is_open=not down)
    lanes: Any = SimpleNamespace(paused=paused or [])
    signals: Any = SimpleNamespace(requested=stopping)
    assignment = asyncio.Event()
    if assigned:
        assignment.set()
    return Readiness(gate, lanes, signals, assignment, rollout_known)


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
    (reason,) = waiting.waits_for()
    assert "lane batch" in reason
    assert "chirp-worker lane resume batch" in reason


def test_a_worker_that_is_shutting_down_is_not_ready() -> None:
    waiting = readiness(stopping=True)
    assert waiting.waits_for() == ["nothing: the worker is shutting down"]


async def test_lanes_are_resumed_by_name_over_http_and_an_unknown_name_is_refused_with_a_list_of_the_lanes() -> None:
    resumed: list[Lane] = []
    waits: list[str] = ["Kafka"]

    def resume(lane: Lane) -> bool:
        resumed.append(lane)
        return lane is Lane.BATCH

    async with (
        serve_http("127.0.0.1", 0, CollectorRegistry(), lambda: waits, resume) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http,
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
