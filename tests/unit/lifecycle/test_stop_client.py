"""Stopping a client has a time limit and never cancels the task that stops it."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from worker.lifecycle.stop_client import stop_client


async def test_a_client_that_raises_its_own_cancellation_out_of_its_stop_cancels_no_other_task() -> None:
    async def stop() -> None:
        raise asyncio.CancelledError

    with capture_logs() as logs:
        await stop_client("consumer", stop)
    assert [line["event"] for line in logs] == ["stop_cancelled_itself"]


async def test_a_task_that_is_cancelled_while_it_stops_a_client_ends_as_cancelled() -> None:
    task = asyncio.create_task(stop_client("consumer", asyncio.Event().wait))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_stop_that_never_ends_is_given_up_after_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.lifecycle.stop_client._STOP_S", 0.01)
    with capture_logs() as logs:
        await stop_client("consumer", asyncio.Event().wait)
    assert [line["event"] for line in logs] == ["stop_timed_out"]
