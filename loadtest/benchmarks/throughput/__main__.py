"""`make bench`: the worker against a bounded gather without Kafka, in one run on Apache Kafka and SeaweedFS."""

import asyncio
import logging
import sys
import uuid
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import aiohttp
import typer
from aiokafka.errors import KafkaError

from loadtest.benchmarks.throughput.figures import Round, head, row, summary, verdict
from loadtest.benchmarks.throughput.lines import Run, pattern_of, slow_numbers
from loadtest.benchmarks.throughput.runs import Bench, EmulatorControl, RunFailedError, run_side
from loadtest.benchmarks.throughput.sides import (
    BY_NAME,
    EXACTLY_ONCE,
    OWN,
    PLAIN,
    WORKER,
    Side,
    demands,
    other_tree,
    turned,
)
from loadtest.stack.java import NoJavaError
from loadtest.stack.kafka_cluster import kafka_to_measure
from loadtest.stack.local_stack import Stack, local_stack
from loadtest.stack.processes import StackError

_GOOGLE_S: Final = 0.05
_SLOW_S: Final = 5.0
_WARM_UP_JOBS: Final = 500
_HOW = """\
plain         an asyncio gather, so many at once, without Kafka: look-up, call, check and PUT by aioboto3 and Google's
              client as they come
own           the same by the worker's own modules
worker        the real process, LOG_LEVEL=info; its jobs lie on 4 partitions of Apache Kafka {broker}
exactly-once  the same with DELIVERY=exactly-once
tree N        the worker of other sources{trees}
Jobs/s: from the first call's arrival at Google to the last take stored (gathers), to the last completion read by a
consumer (worker). CPU: ms of the process's CPU time a job over the same time, without start-up.
Ratios are those of one round; the sides take turns in going first. A busy machine slows all sides, a ratio stays."""


class Scenario(StrEnum):
    """How Google answers."""

    CONSTANT = "constant"
    SLOW = "slow"


class Sides(StrEnum):
    """What is compared."""

    PLAIN = PLAIN.name
    OWN = OWN.name
    WORKER = WORKER.name
    EXACTLY_ONCE = EXACTLY_ONCE.name


def main(
    *,
    jobs: Annotated[int, typer.Option(min=8, help="Jobs of each run.")] = 1500,
    rounds: Annotated[int, typer.Option(min=1, help="Times that all sides run, one after the other.")] = 3,
    scenario: Annotated[list[Scenario] | None, typer.Option(help="How Google answers; again for more.")] = None,
    max_in_flight: Annotated[
        list[int] | None, typer.Option(min=1, max=4096, help="Jobs at once, on all sides; again for more.")
    ] = None,
    side: Annotated[list[Sides] | None, typer.Option(help="What is compared; again for more.")] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(help="A folder of other sources whose worker is a side too.", exists=True, file_okay=False),
    ] = None,
) -> None:
    """Measure jobs a second and CPU a job; ends with 1 if jobs were lost or failed, whatever the figures."""
    if sys.platform != "linux":
        typer.echo("the bench reads CPU times as Linux gives them; here it can't", err=True)
        raise typer.Exit(1)
    # A topic that is made has no leader for a moment; what doesn't pass is raised.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    sides = [BY_NAME[each] for each in side or (Sides.PLAIN, Sides.WORKER, Sides.EXACTLY_ONCE)]
    sides += [other_tree(number, tree) for number, tree in enumerate(against or (), start=1)]
    comparison = _Comparison(jobs, rounds, sides)
    google = {"speech": "canned", "latency": {"kind": "constant", "seconds": _GOOGLE_S}}
    try:
        with kafka_to_measure() as kafka, local_stack("external", google, kafka=kafka) as stack:
            asyncio.run(comparison.run(stack, scenario or [*Scenario], max_in_flight or [64, 128]))
    except (RunFailedError, NoJavaError, StackError, KafkaError, OSError) as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise typer.Exit(1) from None


class _Comparison:
    def __init__(self, jobs: int, rounds: int, sides: list[Side]) -> None:
        self._jobs = jobs
        self._rounds = rounds
        self._sides = sides
        # Short: it stands in every text, topic and group.
        self._session = f"bench-{uuid.uuid4().hex[:8]}"

    async def run(self, stack: Stack, scenarios: list[Scenario], in_flight: list[int]) -> None:
        trees = "".join(f"; {side.name}: {side.tree}" for side in self._sides if side.tree)
        print(_HOW.format(broker=stack.kafka, trees=trees))
        reported = []
        async with aiohttp.ClientSession() as http:
            emulator = EmulatorControl(http, stack.control)
            # The store makes its volumes and the emulator its clip when they are asked for first, and of what the
            # broker does often Java makes machine code.
            bench = Bench(emulator, stack.kafka, stack.folder, _environment(stack, in_flight[0]))
            await run_side(bench, Run(f"{self._session}-warm", _WARM_UP_JOBS), WORKER)
            for slots in in_flight:
                bench = Bench(emulator, stack.kafka, stack.folder, _environment(stack, slots))
                for scenario in scenarios:
                    print(f"\n{_title(scenario, self._jobs, slots)}", flush=True)
                    measured = await self._measure(bench, f"{self._session}-{slots}{scenario[0]}", scenario)
                    slow = scenario is Scenario.SLOW
                    reported += [
                        f"{slots} in flight, {scenario}: {verdict(demand, measured)}"
                        for demand in demands(self._sides, slow=slow)
                    ]
        print("", *reported, sep="\n")

    async def _measure(self, bench: Bench, name: str, scenario: Scenario) -> list[Round]:
        names = [side.name for side in self._sides]
        print(head(names), flush=True)
        measured: list[Round] = []
        for number in range(self._rounds):
            one = {}
            for side in turned(self._sides, number):
                run = Run(f"{name}{number}{names.index(side.name)}", self._jobs)
                await bench.emulator.set_faults(_faults(scenario, run))
                one[side.name] = await run_side(bench, run, side)
            measured.append(one)
            print(row(str(number + 1), names, one), flush=True)
        print("\n".join(summary(names, measured)), flush=True)
        return measured


def _faults(scenario: Scenario, run: Run) -> list[dict[str, object]]:
    if scenario is Scenario.CONSTANT:
        return []
    # The same numbers on all sides.
    return [{"kind": "slow", "seconds": _SLOW_S - _GOOGLE_S, "text_pattern": pattern_of(slow_numbers(run))}]


def _title(scenario: Scenario, jobs: int, slots: int) -> str:
    constant = f"{jobs} jobs, {slots} in flight, Google answers after a constant {_GOOGLE_S * 1000:g} ms"
    if scenario is Scenario.CONSTANT:
        return constant
    numbers = slow_numbers(Run("", jobs))
    return f"{constant}, but {len(numbers)} of the calls after {_SLOW_S:g} s, the last of them job {numbers[-1]}"


def _environment(stack: Stack, slots: int) -> dict[str, str]:
    return {
        **stack.environment,
        "MAX_IN_FLIGHT": str(slots),
        "LOG_LEVEL": "info",
        "HTTP_PORT": "0",
        "CHIRP3_ENABLED": "true",
        "CHIRP3_ROLLOUT_PERCENTAGE": "100",
        "CHIRP3_ENABLED_CHARACTERS": "",
        "CHIRP3_EXCLUDED_CHARACTERS": "",
        # A slow call is late, not failed, on a busy machine too.
        "TTS_TIMEOUT_BASE_S": "30",
    }


if __name__ == "__main__":
    typer.run(main)
