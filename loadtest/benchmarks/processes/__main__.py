"""`make bench-processes`: several processes against one, bound by CPU and by latency, and a kill of one of two."""

import asyncio
import logging
import statistics
import tempfile
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import aiohttp
import typer
from aiokafka.errors import KafkaError

from loadtest.benchmarks.processes.runs import Kill, RunFailedError, run_kill, run_rate
from loadtest.benchmarks.recovery.traffic import Bench
from loadtest.benchmarks.throughput.runs import EmulatorControl
from loadtest.stack.java import NoJavaError
from loadtest.stack.kafka_cluster import KafkaCluster
from loadtest.stack.local_stack import Stack, local_stack
from loadtest.stack.processes import StackError

_BACK_GOAL_S: Final = 12.0


@dataclass(frozen=True)
class _Load:
    """What a process is bound by, and how many processes against one must come to what.

    Attributes:
        google_s: seconds of a call.
        slots: MAX_IN_FLIGHT of each process.
        jobs: of one process.
    """

    name: str
    google_s: float
    slots: int
    jobs: int
    processes: int
    goal: float


_LOADS: Final = (
    _Load("bound by CPU", google_s=0.05, slots=64, jobs=4000, processes=2, goal=1.7),
    _Load("bound by latency", google_s=2.0, slots=16, jobs=200, processes=4, goal=3.8),
)
# Both processes have jobs for half a minute.
_KILL: Final = _Load("kill", google_s=0.5, slots=16, jobs=1000, processes=2, goal=0.0)


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; each runs one and several processes in turn.")] = 3,
    kills: Annotated[int, typer.Option(min=0, help="Runs in which one of two processes is killed.")] = 3,
) -> None:
    """Measure processes under one parent; ends with 1 if jobs were lost or a goal was missed."""
    # What it logs while a broker makes topics is no problem.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="chirp-kafka-") as folder,
            KafkaCluster(Path(folder)) as cluster,
            local_stack("external", {"speech": "canned"}, kafka=cluster.bootstrap) as stack,
        ):
            met = asyncio.run(_bench(stack, rounds, kills))
    except (NoJavaError, StackError, KafkaError, OSError, ValueError, RunFailedError) as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise typer.Exit(1) from None
    if not met:
        raise typer.Exit(1)


async def _bench(stack: Stack, rounds: int, kills: int) -> bool:
    met = True
    async with aiohttp.ClientSession() as session:
        emulator = EmulatorControl(session, stack.control)
        for load in _LOADS:
            await emulator.set_latency(load.google_s)
            bench = _bench_of(stack, load)
            ratios = [await _ratio(bench, load, number) for number in range(1, rounds + 1)]
            met = _print_ratios(load, ratios) and met
        await emulator.set_latency(_KILL.google_s)
        runs = [await run_kill(_bench_of(stack, _KILL), _name(), _KILL.jobs) for _ in range(kills)]
        return (not runs or _print_kills(runs)) and met


async def _ratio(bench: Bench, load: _Load, number: int) -> float:
    # In turn, so that neither always runs on the warmer broker.
    order: Callable[[Sequence[int]], Sequence[int]] = list if number % 2 else lambda each: [*reversed(each)]
    rates = {
        processes: await run_rate(bench, _name(), processes, load.jobs * processes)
        for processes in order([1, load.processes])
    }
    ratio = rates[load.processes] / rates[1]
    print(
        f"{load.name}, round {number}: 1 process {rates[1]:.1f} jobs/s, "
        f"{load.processes} processes {rates[load.processes]:.1f}: {ratio:.2f} times",
        flush=True,
    )
    return ratio


def _print_ratios(load: _Load, ratios: Sequence[float]) -> bool:
    median = statistics.median(ratios)
    met = median >= load.goal
    print(
        f"{load.name}: --processes {load.processes} is {median:.2f} times one ({min(ratios):.2f}-{max(ratios):.2f}), "
        f"goal {load.goal:g}: {'met' if met else 'MISSED'}",
        flush=True,
    )
    return met


def _print_kills(runs: Sequence[Kill]) -> bool:
    back = [each.killed.first_s for each in runs]
    lost = sum(each.killed.lost for each in runs)
    met = max(back) <= _BACK_GOAL_S and not lost
    print(
        f"one of two killed: its jobs go on after {statistics.median(back):.1f} s ({min(back):.1f}-{max(back):.1f}), "
        f"goal {_BACK_GOAL_S:g}; the other's longest pause {max(each.others_pause_s for each in runs):.1f} s; "
        f"lost {lost}, repeated {sum(each.killed.repeated for each in runs)}: {'met' if met else 'MISSED'}",
        flush=True,
    )
    return met


def _bench_of(stack: Stack, load: _Load) -> Bench:
    settings = {"MAX_IN_FLIGHT": str(load.slots), "CHIRP3_ENABLED": "true", "TTS_TIMEOUT_BASE_S": "30"}
    return Bench(stack.kafka, stack.folder, {**stack.environment, **settings})


def _name() -> str:
    # Short: it stands in every text, topic and group.
    return f"proc-{uuid.uuid4().hex[:8]}"


if __name__ == "__main__":
    typer.run(main)
