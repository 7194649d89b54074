"""`make bench-dialogue`: how long a game server waits, alone and beside a batch backlog, and where the time goes."""

import asyncio
import uuid
from enum import StrEnum
from typing import Annotated, Final

import aiohttp
import typer
from aiokafka.errors import KafkaError
from rich.console import Console

from loadtest.benchmarks.dialogue.figures import idle_verdicts, latency_table, percentile, stage_table
from loadtest.benchmarks.dialogue.load import CompletionListener
from loadtest.benchmarks.dialogue.runs import Bench, Load, run_backlog, run_load
from loadtest.benchmarks.throughput.runs import EmulatorControl
from loadtest.stack.java import NoJavaError
from loadtest.stack.kafka_cluster import kafka_to_measure
from loadtest.stack.local_stack import Stack, local_stack
from loadtest.stack.processes import StackError
from schemas.enums import JobStatus, Lane

_OWN_WAY_S: Final = 0.05
_OWN_WAY_EVERY_S: Final = 0.2
_BESIDE_S: Final = 0.3
_WORKERS_S: Final = 2.0


class Scenario(StrEnum):
    """What is measured."""

    OWN_WAY = "own-way"
    BESIDE_BATCH = "beside-batch"
    WORKERS = "workers"


def main(
    scenario: Annotated[list[Scenario] | None, typer.Option(help="What to measure; again for more.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Times that each is measured.")] = 1,
    jobs: Annotated[int, typer.Option(min=50, help="Dialogue jobs of a run.")] = 600,
    backlog: Annotated[int, typer.Option(min=0, help="Batch jobs that wait.")] = 20_000,
    rate: Annotated[float, typer.Option(min=0.1, help="Dialogue jobs a second beside a backlog.")] = 10.0,
) -> None:
    """Measure a dialogue job's latency; ends with 1 if jobs were lost or failed, whatever the figures."""
    bench = _Bench(Console(), jobs, backlog, rate)
    try:
        with kafka_to_measure() as bootstrap, local_stack("external", {"speech": "canned"}, kafka=bootstrap) as stack:
            asyncio.run(bench.run(stack, scenario or [*Scenario], rounds))
    except (NoJavaError, StackError, KafkaError, OSError) as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise typer.Exit(1) from None
    if bench.failed:
        raise typer.Exit(1)


class _Bench:
    def __init__(self, console: Console, jobs: int, backlog: int, rate: float) -> None:
        self._console = console
        self._jobs = jobs
        self._backlog = backlog
        self._rate = rate
        self._idle: list[list[float]] = []
        self.failed = False

    async def run(self, stack: Stack, scenarios: list[Scenario], rounds: int) -> None:
        bench = Bench(stack.kafka, stack.folder, _environment(stack))
        async with aiohttp.ClientSession() as session:
            emulator = EmulatorControl(session, stack.control)
            for number in range(1, rounds + 1):
                for scenario in scenarios:
                    self._console.rule(f"{scenario}, round {number} of {rounds}")
                    await self._measure(scenario, bench, emulator)
        if self._idle:
            self._console.print("\n".join(idle_verdicts(self._idle)))

    async def _measure(self, scenario: Scenario, bench: Bench, emulator: EmulatorControl) -> None:
        name = f"{scenario}-{uuid.uuid4().hex[:6]}"
        if scenario is Scenario.OWN_WAY:
            await emulator.set_latency(_OWN_WAY_S)
            listener = await run_load(bench, name, Load(_OWN_WAY_EVERY_S, self._jobs))
            self._check(listener)
            self._console.print(stage_table("idle", listener.received, _OWN_WAY_S))
            self._idle.append([each.read - each.sent - _OWN_WAY_S for each in listener.received])
        elif scenario is Scenario.BESIDE_BATCH:
            await emulator.set_latency(_BESIDE_S)
            await self._beside_batch(bench, name)
        else:
            await emulator.set_latency(_WORKERS_S)
            bound = Bench(bench.bootstrap, bench.folder, {**bench.environment, "MAX_IN_FLIGHT": "16"})
            one = await run_backlog(bound, f"{name}-1", 1, 200)
            four = await run_backlog(bound, f"{name}-4", 4, 800)
            self._console.print(
                f"16 jobs at once a worker, Google answers after {_WORKERS_S:g} s: one worker {one:.2f} jobs/s, "
                f"four {four:.2f}: {four / one:.2f} times as many"
            )

    async def _beside_batch(self, bench: Bench, name: str) -> None:
        loads = {
            "idle": Load(1 / self._rate, self._jobs),
            f"{self._backlog:,} batch jobs wait": Load(1 / self._rate, self._jobs, self._backlog),
            "the same, without lanes": Load(1 / self._rate, self._jobs, self._backlog, Lane.BATCH),
        }
        runs: dict[str, tuple[list[float], int]] = {}
        for number, (title, load) in enumerate(loads.items()):
            listener = await run_load(bench, f"{name}-{number}", load)
            if load.lane is Lane.DIALOGUE:
                self._check(listener)
            if listener.received:
                self._console.print(stage_table(title, listener.received, _BESIDE_S))
            runs[title] = ([received.latency_s for received in listener.received], listener.waiting)
        self._console.print(latency_table(runs))
        idle, beside, _ = (percentile(latencies, 99) if latencies else float("inf") for latencies, _ in runs.values())
        self._console.print(f"p99 beside batch: {beside / idle:.2f} times the idle system's")

    def _check(self, listener: CompletionListener) -> None:
        bad = [
            received.completion
            for received in listener.received
            if received.completion.status is not JobStatus.DONE or received.completion.fallback
        ]
        if bad or listener.waiting:
            self.failed = True
            self._console.print(
                f"{len(bad)} jobs failed or fell back, {listener.waiting} weren't answered", style="red"
            )


def _environment(stack: Stack) -> dict[str, str]:
    return {
        **stack.environment,
        "LOG_LEVEL": "info",
        "CHIRP3_ENABLED": "true",
        "CHIRP3_ROLLOUT_PERCENTAGE": "100",
        "TTS_TIMEOUT_BASE_S": "30",
    }


if __name__ == "__main__":
    typer.run(main)
