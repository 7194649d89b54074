"""Many items, a few at once: none is left out or done twice, and the first failure ends all."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.lifecycle.for_each import for_each


@given(st.lists(st.integers(), max_size=20), st.integers(1, 8))
def test_each_item_is_done_once_and_no_more_are_at_work_than_allowed(items: list[int], at_once: int) -> None:
    done: list[int] = []
    at_work, most = 0, 0

    async def do(item: int) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        at_work -= 1
        done.append(item)

    asyncio.run(for_each(items, do, at_once=at_once))
    assert sorted(done) == sorted(items)
    assert most == min(at_once, len(items))


async def test_the_first_failure_is_raised_as_it_is_and_ends_the_others() -> None:
    ended: list[int] = []

    async def do(item: int) -> None:
        if item == 1:
            await asyncio.sleep(0)
            raise OSError("the disk is gone")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(item)

    with pytest.raises(OSError, match="the disk is gone"):
        await for_each(range(10), do, at_once=3)
    assert sorted(ended) == [0, 2], "what hadn't begun isn't begun any more"


async def test_a_cancellation_ends_all() -> None:
    began, ended = asyncio.Event(), 0

    async def do(_: int) -> None:
        nonlocal ended
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended += 1

    running = asyncio.create_task(for_each(range(10), do, at_once=3))
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended == 3
