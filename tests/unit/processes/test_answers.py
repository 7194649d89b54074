"""What processes answer, and what counts as no answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from aiohttp import web

from worker.observability.http import listen
from worker.processes.answers import ask_processes

METRICS = "# TYPE jobs counter\njobs_total 3.0\n# EOF\n"


class Process:
    """Answers at an address of its own; `during` is called while it answers."""

    number = 1
    runs = 1
    pid: int | None = 7
    address = ""

    def __init__(self) -> None:
        self.during = lambda: None

    async def metrics(self, _: web.Request) -> web.Response:
        self.during()
        return web.Response(text=METRICS)


@pytest.fixture
async def process() -> AsyncIterator[Process]:
    made = Process()
    app = web.Application()
    app.add_routes([web.get("/metrics", made.metrics)])
    async with listen(app, "127.0.0.1", 0) as port:
        made.address = f"http://127.0.0.1:{port}"
        yield made


async def read(process: Process) -> tuple[int, bool]:
    """The run that was asked, and whether it answered."""
    found: list[tuple[int, bool]] = []

    def take(_: int, run: int, families: Iterable[Any] | None) -> None:
        found.append((run, families is not None))

    async with ask_processes([process]) as answers:
        await answers.metrics(take)
    return found[0]


async def test_a_process_that_runs_answers(process: Process) -> None:
    assert await read(process) == (1, True)


async def test_one_that_does_not_run_is_not_asked(process: Process) -> None:
    process.pid = None
    assert await read(process) == (1, False)


async def test_the_next_run_does_not_answer_for_one_that_was_killed(process: Process) -> None:
    def start_again() -> None:
        process.runs = 2

    process.during = start_again
    assert await read(process) == (1, False)


async def test_a_process_that_starts_waits_for_its_start_and_hangs_not(process: Process) -> None:
    process.address = "http://127.0.0.1:1"
    async with ask_processes([process]) as answers:
        (state,) = await answers.states()
        assert (state.waits_for, state.restarts) == (["its start"], 0)
        assert await answers.hanging() == []
