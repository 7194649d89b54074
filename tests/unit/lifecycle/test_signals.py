"""Graceful shutdown: the first signal drains, the second one ends; before there is a drain, the first one ends."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from tests.until import loop_until
from worker.lifecycle.signals import ShutdownSignals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_first_signal_drains_and_the_second_one_cancels(number: signal.Signals) -> None:
    drains: list[str] = []
    handled: list[ShutdownSignals] = []

    async def work() -> None:
        handled.append(ShutdownSignals())
        handled[0].drain_with(lambda: drains.append("drain"))
        await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await loop_until(lambda: handled)
    assert handled[0].requested is False
    os.kill(os.getpid(), number)
    await loop_until(lambda: drains)
    assert (drains, handled[0].requested, task.done()) == (["drain"], True, False)
    os.kill(os.getpid(), number)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert drains == ["drain"]


async def test_without_a_drain_the_first_signal_cancels() -> None:
    handled: list[ShutdownSignals] = []

    async def work() -> None:
        handled.append(ShutdownSignals())
        await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await loop_until(lambda: handled)
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(asyncio.CancelledError):
        await task
