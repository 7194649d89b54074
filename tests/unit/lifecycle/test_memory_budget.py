"""Work that doesn't fit into the budget waits in order; the budget follows the container's limit."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from worker.lifecycle.memory_budget import WITHOUT_LIMIT_MB, MemoryBudget, default_budget_mb


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class Work:
    def __init__(self, budget: MemoryBudget, size: int) -> None:
        self.began = False
        self._end = asyncio.Event()
        self.task = asyncio.create_task(self._run(budget, size))

    async def _run(self, budget: MemoryBudget, size: int) -> None:
        async with budget.hold(size):
            self.began = True
            await self._end.wait()

    async def end(self) -> None:
        self._end.set()
        await self.task


async def test_what_fits_is_held_at_once_and_the_rest_waits_in_order() -> None:
    budget = MemoryBudget(100)
    first, second, third, small = (Work(budget, size) for size in (60, 60, 30, 10))
    await settle()
    assert [each.began for each in (first, second, third, small)] == [True, False, False, False]
    assert not budget.has_room(1), "what came later doesn't go before what waits"
    await first.end()
    await settle()
    assert [each.began for each in (second, third, small)] == [True, True, True]
    assert budget.held == 100
    for each in (second, third, small):
        await each.end()
    assert budget.held == 0


async def test_what_is_larger_than_the_budget_is_held_alone() -> None:
    budget = MemoryBudget(100)
    small, huge, next_one = Work(budget, 1), Work(budget, 1000), Work(budget, 1)
    await settle()
    assert (small.began, huge.began, next_one.began) == (True, False, False)
    await small.end()
    await settle()
    assert (huge.began, next_one.began) == (True, False)
    await huge.end()
    await next_one.end()


async def test_one_that_is_cancelled_while_it_waits_holds_nothing_and_lets_the_next_one_go() -> None:
    budget = MemoryBudget(100)
    first, second, third = Work(budget, 90), Work(budget, 90), Work(budget, 10)
    await settle()
    second.task.cancel()
    await settle()
    assert third.began
    await first.end()
    await third.end()
    assert budget.held == 0


async def test_one_that_is_cancelled_in_the_moment_of_its_grant_gives_it_back() -> None:
    budget = MemoryBudget(100)
    async with budget.hold(100):
        waiting = Work(budget, 100)
        await settle()
    waiting.task.cancel()
    await asyncio.gather(waiting.task, return_exceptions=True)
    assert (waiting.began, budget.held) == (False, 0)


@pytest.mark.parametrize(
    ("limits", "budget"),
    [
        ({"memory.max": "1073741824\n"}, 512),
        ({"memory.max": "max\n"}, WITHOUT_LIMIT_MB),
        ({"memory.limit_in_bytes": "536870912\n"}, 256),
        ({"memory.limit_in_bytes": "9223372036854771712\n"}, WITHOUT_LIMIT_MB),
        ({"memory.max": "", "memory.limit_in_bytes": "536870912"}, 256),
        ({"memory.max": "4096"}, 1),
        ({}, WITHOUT_LIMIT_MB),
    ],
)
def test_the_default_is_half_of_the_containers_limit(tmp_path: Path, limits: dict[str, str], budget: int) -> None:
    for name, text in limits.items():
        (tmp_path / name).write_text(text)
    assert default_budget_mb((tmp_path / "memory.max", tmp_path / "memory.limit_in_bytes")) == budget
