"""Waiters: woken by their job alone, bounded, and let go when the process stops."""

from __future__ import annotations

import asyncio

import pytest

from worker.console.lines.waiters import StoppingError, TooManyWaitersError, Waiters

LONG_S = 60.0


async def test_a_completion_wakes_all_who_wait_for_the_job_and_nobody_else() -> None:
    waiters = Waiters(10)
    with waiters.waiting("a") as first, waiters.waiting("a") as second, waiters.waiting("b") as other:
        waiters.complete("a", b"done")
        assert await first.wait(LONG_S) == await second.wait(LONG_S) == b"done"
        assert await other.wait(0) is None


async def test_a_completion_that_comes_before_the_wait_is_not_missed() -> None:
    waiters = Waiters(10)
    with waiters.waiting("a") as waiter:
        waiters.complete("a", b"first")
        waiters.complete("a", b"second")
        assert await waiter.wait(0) == b"first"


async def test_one_too_many_is_refused_and_may_wait_once_another_has_gone() -> None:
    waiters = Waiters(1)
    with waiters.waiting("a"), pytest.raises(TooManyWaitersError, match="1 requests wait"), waiters.waiting("b"):
        pass
    assert len(waiters) == 0
    with waiters.waiting("b"):
        assert len(waiters) == 1


async def test_a_client_that_has_gone_ends_the_wait() -> None:
    waiters, gone = Waiters(10), asyncio.Event()
    with waiters.waiting("a") as waiter:
        disconnected = asyncio.create_task(_until(gone))
        waiting = asyncio.create_task(waiter.wait(LONG_S, unless=(disconnected,)))
        await asyncio.sleep(0)
        gone.set()
        assert await waiting is None


async def test_all_are_let_go_when_the_process_stops_and_nobody_waits_any_more() -> None:
    waiters = Waiters(10)
    with waiters.waiting("a") as waiting, waiters.waiting("b"):
        waiters.stop()
        with pytest.raises(StoppingError):
            await waiting.wait(LONG_S)
        with pytest.raises(StoppingError), waiters.waiting("c"):
            pass
    assert len(waiters) == 0


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    waiters = Waiters(10)

    async def wait() -> None:
        with waiters.waiting("a") as waiter:
            await waiter.wait(LONG_S)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    assert len(waiters) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(waiters) == 0
    waiters.complete("a", b"done")


async def _until(event: asyncio.Event) -> None:
    await event.wait()
