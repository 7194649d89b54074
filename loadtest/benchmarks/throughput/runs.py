"""One run of one side on a running stack: started, watched, checked."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from loadtest.benchmarks.throughput.figures import Figures
from loadtest.benchmarks.throughput.lines import PARTITIONS, Run
from loadtest.benchmarks.throughput.sides import Side
from loadtest.benchmarks.throughput.topics import Completions, completions_of, preload, read_completions, topics_of
from loadtest.stack.local_stack import worker_environment
from loadtest.stack.processes import Process

_START_S: Final = 60.0
_LEAST_JOBS_A_SECOND: Final = 20
# Long enough for the first answers, short enough for the log to hold all that ended.
_FIRST_ANSWERS_S: Final = 0.15
_THIS_TREE: Final = Path(__file__).parents[3]


class RunFailedError(Exception):
    """Jobs were lost, failed or weren't done by the rules; the message says how many."""


@dataclass(frozen=True)
class Bench:
    """Where runs happen: the emulator's control API, the broker, the log folder, and the variables of all programs."""

    emulator: "EmulatorControl"
    bootstrap: str
    folder: Path
    environment: Mapping[str, str]


class EmulatorControl:
    """The emulator's HTTP emulator."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self._session = session
        self._address = address

    async def set_faults(self, faults: list[dict[str, object]]) -> None:
        """Replaces all active faults."""
        async with self._session.put(f"{self._address}/faults", json=faults) as answer:
            answer.raise_for_status()

    async def set_latency(self, seconds: float) -> None:
        """From now on Google answers after a constant time."""
        latency = {"latency": {"kind": "constant", "seconds": seconds}}
        async with self._session.patch(f"{self._address}/settings", json=latency) as answer:
            answer.raise_for_status()

    async def forget_calls(self) -> None:
        """Counts from zero again."""
        async with self._session.delete(f"{self._address}/calls") as answer:
            answer.raise_for_status()

    async def calls(self) -> dict[str, Any]:
        """The counts."""
        async with self._session.get(f"{self._address}/calls") as answer:
            counts: dict[str, Any] = await answer.json()
        return counts

    async def arrivals(self) -> list[float]:
        """When the last 1,000 of the calls that ended arrived, in seconds since 1970."""
        async with self._session.get(f"{self._address}/calls/log") as answer:
            return [float(call["time"]) for call in await answer.json()]

    async def first_audio(self) -> dict[str, float]:
        """When each line's first audio was sent, in seconds since 1970, of the last 1,000 calls that ended."""
        async with self._session.get(f"{self._address}/calls/log") as answer:
            return {call["input"]: call["first_audio"] for call in await answer.json() if call["first_audio"]}


async def run_side(bench: Bench, run: Run, side: Side) -> Figures:
    """Does the jobs of a run by one side.

    Raises:
        RunFailedError: it ended early, or jobs were lost, failed, done twice, cached or spoken by WaveNet.
        StackError: it ended before its first call.
        KafkaError: the broker refused.
    """
    if side.gather is None:
        return await _run_worker(bench, run, side)
    return await _run_gather(bench, run, side.gather)


async def _run_gather(bench: Bench, run: Run, module: str) -> Figures:
    command = [sys.executable, "-m", f"loadtest.benchmarks.throughput.{module}", run.name, str(run.jobs)]
    async with _started(bench, run, command, {}) as (process, began, cpu_at):

        async def ended() -> dict[str, Any]:
            while not process.log.read_bytes().endswith(b"}\n"):
                if not process.running:
                    raise RunFailedError(f"the gather {module} ended:\n{process.log_end()}")
                await asyncio.sleep(0.01)
            report: dict[str, Any] = json.loads(process.log_end(1))
            return report

        async with asyncio.timeout(_START_S + run.jobs / _LEAST_JOBS_A_SECOND):
            report = await ended()
        cpu_s = cpu_seconds(process.pid) - cpu_at
        if report["made"] != run.jobs:
            raise RunFailedError(f"the gather {module} made {report['made']} takes of {run.jobs}")
        return Figures(run.jobs, report["ended"] - await began, cpu_s)


async def _run_worker(bench: Bench, run: Run, side: Side) -> Figures:
    """The real worker process, its jobs lying in Kafka before it starts."""
    # Without -P the working folder comes before PYTHONPATH.
    command = [sys.executable, "-P", "-m", "worker", "run"]
    completions = Completions()
    async with topics_of(bench.bootstrap, run.name, PARTITIONS):
        await preload(bench.bootstrap, run)
        names = {
            **side.settings,
            "PYTHONPATH": str(side.tree or _THIS_TREE),
            "KAFKA_TOPIC_PREFIX": run.name,
            "KAFKA_GROUP_ID": f"{run.name}-group",
        }
        async with (
            completions_of(bench.bootstrap, run.name) as consumer,
            _started(bench, run, command, names) as (process, began, cpu_at),
        ):
            try:
                async with asyncio.timeout(_START_S + run.jobs / _LEAST_JOBS_A_SECOND):
                    await read_completions(consumer, run.jobs, completions)
            except TimeoutError:
                done = len(completions.values)
                raise RunFailedError(f"{done} completions of {run.jobs} came:\n{process.log_end()}") from None
            cpu_s = cpu_seconds(process.pid) - cpu_at
            _check(run, completions.values)
            return Figures(run.jobs, completions.last_at - await began, cpu_s)


def cpu_seconds(pid: int) -> float:
    """The CPU time of another process, all its threads, to the nanosecond (Linux: clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


@asynccontextmanager
async def _started(
    bench: Bench, run: Run, command: list[str], names: Mapping[str, str]
) -> AsyncIterator[tuple[Process, "asyncio.Task[float]", float]]:
    """A process at its first call to Google: it, when that call arrived (soon), its CPU time until then."""
    await bench.emulator.forget_calls()
    process = Process(
        run.name, command, bench.folder / f"{run.name}.log", worker_environment({**bench.environment, **names})
    )
    try:
        deadline = time.monotonic() + _START_S
        while not (counts := await bench.emulator.calls())["in_flight"] and not counts["total"]:
            if not process.running or time.monotonic() > deadline:
                raise RunFailedError(f"{run.name} made no call:\n{process.log_end()}")
            await asyncio.sleep(0.005)
        cpu_at = cpu_seconds(process.pid)
        began = asyncio.create_task(_first_arrival(bench.emulator))
        yield process, began, cpu_at
        calls = (await bench.emulator.calls())["calls"]
        if calls != {"chirp3-hd": {"OK": run.jobs}}:
            raise RunFailedError(f"{run.name} made other calls to Google than one for each of {run.jobs} jobs: {calls}")
    finally:
        await asyncio.to_thread(process.stop)


async def _first_arrival(emulator: EmulatorControl) -> float:
    arrivals: list[float] = []
    while not arrivals:
        await asyncio.sleep(_FIRST_ANSWERS_S)
        arrivals = await emulator.arrivals()
    return min(arrivals)


def _check(run: Run, values: list[dict[str, Any]]) -> None:
    missing = {run.job_id(number) for number in range(run.jobs)} - {value["job_id"] for value in values}
    if missing:
        raise RunFailedError(f"{len(missing)} jobs of {run.jobs} have no completion, such as {min(missing)}")
    bad = [
        value
        for value in values
        if value["status"] != "done" or value["audio"]["cached"] or value["voice_model"] != "chirp3-hd"
    ]
    if bad:
        raise RunFailedError(f"{len(bad)} jobs of {run.jobs} failed, were cached or fell back, such as {bad[0]}")
