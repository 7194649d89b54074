"""Graceful shutdown: the first signal drains, the second one ends; before there is a drain, the first one ends."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from worker.lifecycle.signals import ShutdownSignals


async def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    await asyncio.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_first_signal_drains_and_the_second_one_cancels(number: signal.Signals) -> None:
    drains: list[str] = []
    handled: list[ShutdownSignals] = []

    async def work() -> None:
        handled.append(ShutdownSignals())
        handled[0].drain_with(lambda: drains.append("drain"))
        await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    assert handled[0].requested is False
    await send(number)
    assert (drains, handled[0].requested, task.done()) == (["drain"], True, False)
    await send(number)
    assert drains == ["drain"]
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_without_a_drain_the_first_signal_cancels() -> None:
    async def work() -> None:
        ShutdownSignals()
        await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await send(signal.SIGTERM)
    with pytest.raises(asyncio.CancelledError):
        await task
