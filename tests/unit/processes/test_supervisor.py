"""Processes are kept running until somebody stops them, or one can't start."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from schemas.errors import RefusedError, UnavailableError
from tests.unit.loop_clock import LoopClock
from tests.until import loop_until
from worker.lifecycle.clock import Clock
from worker.processes.supervisor import Supervisor


class Process:
    """Ends when a test says so, or by SIGTERM where it is `obedient`."""

    def __init__(self, number: int, *, obedient: bool = True) -> None:
        self.number = number
        self.obedient = obedient
        self.runs = 0
        self.signals: list[signal.Signals] = []
        self._end: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run(self) -> int:
        self.runs += 1
        self._end = asyncio.get_running_loop().create_future()
        return await self._end

    def end(self, code: int) -> None:
        self._end.set_result(code)

    def signal(self, number: signal.Signals) -> None:
        if self._end.done():
            return
        self.signals.append(number)
        if number is signal.SIGKILL:
            self.end(-9)
        elif self.signals.count(signal.SIGTERM) == 2:
            self.end(143)
        elif self.obedient:
            self.end(0)


class World:
    def __init__(self, *processes: Process) -> None:
        self.clock = LoopClock()
        self.processes = processes
        self.restarted: list[int] = []
        loop = asyncio.get_running_loop()
        several: Any = processes
        self.supervisor = Supervisor(
            several, restarted=self.restarted.append, drain_s=25.0, clock=Clock(monotonic=loop.time)
        )
        self.running = asyncio.create_task(self.supervisor.run())

    async def until_runs(self, *runs: int) -> None:
        await loop_until(lambda: tuple(each.runs for each in self.processes) == runs)


async def test_what_ends_is_started_again_and_the_others_run_on() -> None:
    world = World(Process(1), Process(2))
    await world.until_runs(1, 1)
    world.clock.skip(60)
    world.processes[1].end(-9)
    await loop_until(lambda: world.restarted)
    world.clock.skip(0.6)
    await world.until_runs(1, 2)
    assert world.restarted == [2]
    world.supervisor.stop()
    assert await world.running == 0
    assert [each.signals for each in world.processes] == [[signal.SIGTERM], [signal.SIGTERM]]


async def test_a_stop_during_a_wait_for_a_restart_starts_nothing() -> None:
    world = World(Process(1))
    await world.until_runs(1)
    world.processes[0].end(1)
    await loop_until(lambda: world.restarted)
    world.supervisor.stop()
    assert await world.running == 0
    assert world.processes[0].runs == 1


async def test_a_wrong_setting_ends_all_after_a_drain() -> None:
    world = World(Process(1), Process(2))
    await world.until_runs(1, 1)
    world.processes[0].end(2)
    with pytest.raises(RefusedError, match="process 1 can't start: it ended with exit code 2"):
        await world.running
    assert world.processes[1].signals == [signal.SIGTERM]


async def test_five_failed_starts_end_all_and_may_be_tried_again() -> None:
    world = World(Process(1), Process(2))
    for start in range(1, 6):
        await world.until_runs(start, 1)
        world.processes[0].end(1)
        await loop_until(lambda: len(world.restarted) == start or world.running.done() or start == 5)  # noqa: B023
        world.clock.skip(5)
    with pytest.raises(UnavailableError, match="process 1 can't start: it ended 5 times"):
        await world.running


async def test_a_second_signal_ends_all_at_once() -> None:
    world = World(Process(1, obedient=False), Process(2, obedient=False))
    await world.until_runs(1, 1)
    world.supervisor.stop()
    await asyncio.sleep(0)
    world.running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await world.running
    assert [each.signals for each in world.processes] == [[signal.SIGTERM] * 2] * 2


async def test_what_does_not_drain_is_killed() -> None:
    world = World(Process(1, obedient=False), Process(2))
    await world.until_runs(1, 1)
    world.supervisor.stop()
    await loop_until(lambda: world.processes[1].signals)
    world.clock.skip(40)
    assert await world.running == 1
    assert world.processes[0].signals == [signal.SIGTERM, signal.SIGKILL]


@pytest.mark.parametrize(("codes", "whole"), [((0, 0), 0), ((143, 0), 143), ((-15, 143), 143), ((1, 143), 1)])
async def test_the_exit_code_says_the_worst(codes: tuple[int, int], whole: int) -> None:
    world = World(Process(1, obedient=False), Process(2, obedient=False))
    await world.until_runs(1, 1)
    world.supervisor.stop()
    for process, code in zip(world.processes, codes, strict=True):
        process.end(code)
    assert await world.running == whole
