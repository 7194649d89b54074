"""What a run reports, and that a report that fails changes nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka.errors import KafkaConnectionError

from schemas.batch_run import BatchRun, RunState
from tests.unit.rollouts import NOW
from worker.batch import run_report
from worker.batch.run_report import RunReport, reporting
from worker.batch.runner import RunProgress
from worker.config.settings import load_settings
from worker.lifecycle.clock import Clock

KAFKA = load_settings({}).kafka


def report_of(progress: RunProgress) -> RunReport:
    return RunReport("act-1.csv", 12.5, 3, Clock(now=lambda: NOW), progress)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[BatchRun]:
    messages: list[BatchRun] = []

    @asynccontextmanager
    async def connect(_settings: object) -> AsyncIterator[None]:
        yield

    async def send(_producer: object, _settings: object, message: BatchRun) -> None:
        messages.append(message)

    monkeypatch.setattr(run_report, "connect_producer", connect)
    monkeypatch.setattr(run_report, "send_event", send)
    return messages


def test_a_report_has_the_runs_counts_and_its_money() -> None:
    progress = RunProgress(total=10, done=6, cached=2, fallback=1, failed=1, dollars=4.25)
    message = report_of(progress).message(RunState.RUNNING)
    assert (message.total, message.done, message.cached, message.fallback, message.failed) == (10, 6, 2, 1, 1)
    assert (message.left, message.dollars, message.dollars_expected, message.findings) == (3, 4.25, 12.5, 3)


@pytest.mark.parametrize("script_id", [None, "ab" * 8])
def test_a_report_says_which_script_it_is_of(script_id: str | None) -> None:
    report = RunReport("act-1.csv", 12.5, 3, Clock(now=lambda: NOW), RunProgress(total=1), script_id=script_id)
    assert report.message(RunState.RUNNING).script_id == script_id


@pytest.mark.parametrize(
    ("done", "stopped", "state"), [(2, False, "ended"), (1, False, "stopped"), (2, True, "stopped")]
)
async def test_the_last_report_says_how_the_run_ended(
    sent: list[BatchRun], done: int, stopped: bool, state: str
) -> None:
    progress = RunProgress(total=2)
    async with reporting(KAFKA, report_of(progress), lambda: stopped):
        progress.done = done
    assert (sent[-1].state, sent[-1].done) == (state, done)


async def test_the_last_report_comes_after_an_error_too(sent: list[BatchRun]) -> None:
    with pytest.raises(ValueError, match="broken"):
        async with reporting(KAFKA, report_of(RunProgress(total=2)), lambda: False):
            raise ValueError("broken")
    assert sent[-1].state is RunState.STOPPED


async def test_who_gives_a_second_signal_waits_for_no_report(sent: list[BatchRun]) -> None:
    with pytest.raises(asyncio.CancelledError):
        async with reporting(KAFKA, report_of(RunProgress(total=2)), lambda: True):
            raise asyncio.CancelledError
    assert sent == []


async def test_a_report_that_fails_changes_nothing_and_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_settings: object) -> None:
        raise KafkaConnectionError("no broker")

    monkeypatch.setattr(run_report, "connect_producer", refuse)
    report = report_of(RunProgress(total=0))
    async with reporting(KAFKA, report, lambda: False):
        pass
    assert "no broker" in str(report.problem)
