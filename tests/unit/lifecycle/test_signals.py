"""A client that is stopped neither holds up nor ends whoever stops it."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from worker.lifecycle.signals import stop_in_time


async def test_a_stop_that_raises_the_clients_own_cancellation_cancels_nobody_else() -> None:
    async def stop() -> None:
        raise asyncio.CancelledError

    with capture_logs() as logs:
        await stop_in_time("consumer", stop)
    assert [line["event"] for line in logs] == ["stop_cancelled_itself"]


async def test_who_is_cancelled_while_it_stops_a_client_is_cancelled() -> None:
    task = asyncio.create_task(stop_in_time("consumer", asyncio.Event().wait))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_stop_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.lifecycle.signals._STOP_S", 0.01)
    with capture_logs() as logs:
        await stop_in_time("consumer", asyncio.Event().wait)
    assert [line["event"] for line in logs] == ["stop_timed_out"]
