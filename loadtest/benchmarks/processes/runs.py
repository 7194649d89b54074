"""One run of `run --processes N`: jobs that lie there once all processes are ready, and a kill of one."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

import aiohttp

from loadtest.benchmarks.recovery.flow import PARTITIONS, Recovery, job_id, partition_in, recovery
from loadtest.benchmarks.recovery.traffic import Bench, events, produce, topics, until
from loadtest.stack.local_stack import worker_process
from loadtest.stack.processes import Process
from schemas.enums import Lane
from schemas.topics import LANES, prefixed

_QUIET_S: Final = 2.0


class RunFailedError(Exception):
    """Jobs were lost; the message says how many."""


@dataclass(frozen=True)
class Kill:
    """A kill of one of two processes: its own jobs' recovery, and the longest time without one of the other's."""

    killed: Recovery
    others_pause_s: float


async def run_rate(bench: Bench, name: str, processes: int, jobs: int) -> float:
    """Jobs a second, between the first tenth of the completions and the last but a tenth.

    Raises:
        StackError: the processes didn't start.
        RunFailedError: jobs were lost.
        TimeoutError: they weren't done within three minutes.
    """
    async with topics(bench, name, "at-least-once") as (environment, arrivals), AsyncExitStack() as stack:
        await _start(stack, bench, environment, name, processes)
        await produce(bench.bootstrap, name, jobs)
        await until(lambda: len(arrivals.values) >= jobs)
        came = sorted(each.published_at for each in arrivals.values)[:jobs]
        if lost := jobs - len(arrivals.done):
            raise RunFailedError(f"{lost} of {jobs} jobs were lost or repeated")
    edge = jobs // 10
    return (jobs - 2 * edge - 1) / (came[-edge - 1] - came[edge])


async def run_kill(bench: Bench, name: str, jobs: int) -> Kill:
    """Kills one of two processes in the midst of its jobs.

    Raises:
        StackError: the processes didn't start.
        ValueError: it had nothing left to do.
        TimeoutError: the jobs weren't done within three minutes.
    """
    async with topics(bench, name, "at-least-once") as (environment, arrivals), AsyncExitStack() as stack:
        parent, address = await _start(stack, bench, environment, name, 2)
        partitions = _assigned(parent, prefixed(LANES[Lane.DIALOGUE], name))[1]
        await produce(bench.bootstrap, name, jobs)
        await until(lambda: len(arrivals.values) >= jobs // 5)
        pid = await _pid_of_first(address)
        killed_at = time.time()
        os.kill(pid, signal.SIGKILL)
        expected = {job_id(name, number) for number in range(jobs)}
        await until(lambda: arrivals.done >= expected)
        await asyncio.sleep(_QUIET_S)
        killed = recovery(arrivals, expected, killed_at, partitions)
        times = sorted(
            each.published_at
            for each in arrivals.values
            if partition_in(each.job_id) not in partitions and each.published_at > killed_at
        )
    pauses = [later - earlier for earlier, later in zip([killed_at, *times], times, strict=False)]
    return Kill(killed, max(pauses, default=float("inf")))


async def _start(
    stack: AsyncExitStack, bench: Bench, environment: Mapping[str, str], name: str, processes: int
) -> tuple[Process, str]:
    """A parent whose processes share the partitions alike."""
    started = worker_process(environment, bench.folder, name, ("run", "--processes", str(processes)))
    parent, address = await asyncio.to_thread(started.__enter__)
    stack.push_async_callback(asyncio.to_thread, started.__exit__, None, None, None)
    topic = prefixed(LANES[Lane.DIALOGUE], name)
    await until(lambda: sorted(map(len, _assigned(parent, topic).values())) == [PARTITIONS // processes] * processes)
    return parent, address


def _assigned(parent: Process, topic: str) -> dict[int, set[int]]:
    """The partitions of a topic that each process has by now, by its number."""
    found = {}
    for event in events(parent, "assigned"):
        places = [each.rsplit("/", 1) for each in event["partitions"]]
        # A single process has no number.
        found[event.get("process", 1)] = {int(number) for topic_of, number in places if topic_of == topic}
    return found


async def _pid_of_first(address: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{address}/readyz") as answer:
        return int(json.loads(await answer.text())["processes"][0]["pid"])
