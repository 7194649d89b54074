"""One run: workers on topics of their own, jobs that lie there, a kill or a pause, and all completions."""

import asyncio
import signal
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from enum import StrEnum
from typing import Final

from loadtest.benchmarks.recovery.flow import PARTITIONS, Recovery, job_id, recovery
from loadtest.benchmarks.recovery.traffic import Bench, events, produce, topics, until
from loadtest.stack.local_stack import worker_process
from loadtest.stack.processes import Process
from schemas.enums import Lane
from schemas.topics import LANES, prefixed

# What a killed worker had sent may arrive a moment later, and repeats come late.
_QUIET_S: Final = 2.0
_PAUSE_S: Final = 8.0
# A member that was removed learns it at its next heartbeat, and its partitions move within seconds.
_AFTER_PAUSE_S: Final = 6.0


class Way(StrEnum):
    """How a killed worker's jobs go on."""

    RESTART = "restarted, by name"
    NAMELESS = "restarted, nameless"
    TAKEN_OVER = "others take over"


async def run_kill(bench: Bench, name: str, guarantee: str, way: Way, jobs: int) -> Recovery:
    """Kills one worker of one, or of two, in the midst of its jobs.

    Raises:
        StackError: a worker didn't start.
        ValueError: it had nothing left to do.
        TimeoutError: not all jobs ended within three minutes.
    """
    async with topics(bench, name, guarantee) as (environment, arrivals), AsyncExitStack() as stack:
        killed = await _start(stack, bench, environment, name, "killed", named=way is not Way.NAMELESS)
        if way is Way.TAKEN_OVER:
            await _start(stack, bench, environment, name, "other", named=True)
        partitions = await _assigned(killed, prefixed(LANES[Lane.DIALOGUE], name), alone=way is not Way.TAKEN_OVER)
        await produce(bench.bootstrap, name, jobs)
        await until(lambda: len(arrivals.values) >= jobs // 5)
        killed_at = time.time()
        killed.kill()
        if way is not Way.TAKEN_OVER:
            await _start(stack, bench, environment, name, "killed", named=way is Way.RESTART)
        expected = {job_id(name, number) for number in range(jobs)}
        await until(lambda: arrivals.done >= expected)
        await asyncio.sleep(_QUIET_S)
        return recovery(arrivals, expected, killed_at, partitions)


async def run_pause(bench: Bench, name: str, guarantee: str, jobs: int) -> int:
    """Stops one of two workers for 8 s, and lets it go on.

    Returns:
        How many assignments the group made after that.

    Raises:
        StackError: a worker didn't start.
        TimeoutError: not all jobs ended within three minutes.
    """
    async with topics(bench, name, guarantee) as (environment, arrivals), AsyncExitStack() as stack:
        workers = [await _start(stack, bench, environment, name, each, named=True) for each in ("paused", "other")]
        await _assigned(workers[0], prefixed(LANES[Lane.DIALOGUE], name), alone=False)
        await produce(bench.bootstrap, name, jobs)
        await until(lambda: len(arrivals.values) >= jobs // 5)
        before = [_count_assignments(worker) for worker in workers]
        workers[0].signal(signal.SIGSTOP)
        await asyncio.sleep(_PAUSE_S)
        workers[0].signal(signal.SIGCONT)
        expected = {job_id(name, number) for number in range(jobs)}
        await until(lambda: arrivals.done >= expected)
        await asyncio.sleep(_AFTER_PAUSE_S)
        return sum(_count_assignments(worker) for worker in workers) - sum(before)


async def _start(
    stack: AsyncExitStack, bench: Bench, environment: Mapping[str, str], name: str, worker: str, *, named: bool
) -> Process:
    # `exactly-once` is refused without a name.
    settings = {**environment, "KAFKA_GROUP_INSTANCE_ID": f"{name}-{worker}" if named else "none"}
    started = worker_process(settings, bench.folder, f"{name}-{worker}")
    process, _ = await asyncio.to_thread(started.__enter__)
    stack.push_async_callback(asyncio.to_thread, started.__exit__, None, None, None)
    return process


def _count_assignments(worker: Process) -> int:
    return len(events(worker, "assigned"))


async def _assigned(worker: Process, topic: str, *, alone: bool) -> set[int]:
    """The partitions of a topic that the worker has, once it has all, or half of them beside another."""
    found: set[int] = set()

    def look() -> bool:
        places = [each.rsplit("/", 1) for each in events(worker, "assigned")[-1]["partitions"]]
        found.clear()
        found.update(int(number) for name, number in places if name == topic)
        return len(found) == (PARTITIONS if alone else PARTITIONS // 2)

    await until(look)
    return found
