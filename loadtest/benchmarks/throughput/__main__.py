"""`make bench`: the worker against bounded gathers without Kafka, in one run on the local stack."""

import asyncio
import os
import sys
import uuid
from enum import StrEnum
from typing import Annotated, Any, Final

import aiohttp
import typer
from aiokafka.errors import KafkaError

from loadtest.benchmarks.throughput.figures import Round, head, row, summary, verdicts
from loadtest.benchmarks.throughput.lines import Run, pattern_of, slow_numbers
from loadtest.benchmarks.throughput.runs import Bench, EmulatorControl, RunFailedError, run_gather, run_worker
from loadtest.stack.local_stack import Stack, local_stack
from loadtest.stack.processes import StackError

_GOOGLE_S: Final = 0.05
_SLOW_S: Final = 5.0
_WARM_UP_JOBS: Final = 100
_KAFKA: Final = "KAFKA_BOOTSTRAP_SERVERS"
_HOW = """\
plain   an asyncio gather, {slots} at once, without Kafka: look-up, call, check and PUT by aioboto3 and Google's client
        as they come
own     the same by the worker's own modules, which leave out what aioboto3 does needlessly, its collector calmed too
worker  the real process, MAX_IN_FLIGHT={slots}, LOG_LEVEL=info; its jobs lie on 4 partitions of {broker}
Jobs/s: from the first call's arrival at Google to the last take stored (gathers), to the last completion read by a
consumer (worker). CPU: ms of the process's CPU time a job over the same time, without start-up."""


class Scenario(StrEnum):
    """How Google answers."""

    CONSTANT = "constant"
    SLOW = "slow"
    BOTH = "both"


def main(
    jobs: Annotated[int, typer.Option(min=8, help="Jobs of each run.")] = 1500,
    rounds: Annotated[int, typer.Option(min=1, help="Times that all three run, one after the other.")] = 5,
    scenario: Annotated[Scenario, typer.Option(help="How Google answers.")] = Scenario.BOTH,
    max_in_flight: Annotated[int, typer.Option(min=1, max=4096, help="Jobs at once, on all sides.")] = 64,
) -> None:
    """Measure jobs a second and CPU a job; ends with 1 if jobs were lost or failed, whatever the figures."""
    if sys.platform != "linux":
        typer.echo("the bench reads CPU times as Linux gives them; here it can't", err=True)
        raise typer.Exit(1)
    scenarios: list[Scenario] = [Scenario.CONSTANT, Scenario.SLOW] if scenario is Scenario.BOTH else [scenario]
    google = {"speech": "canned", "latency": {"kind": "constant", "seconds": _GOOGLE_S}}
    try:
        # With a cluster of yours the local broker idles.
        with local_stack("tansu", google) as stack:
            asyncio.run(_bench(stack, jobs, rounds, scenarios, max_in_flight))
    except (RunFailedError, StackError, KafkaError, OSError) as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise typer.Exit(1) from None


async def _bench(stack: Stack, jobs: int, rounds: int, scenarios: list[Scenario], slots: int) -> None:
    bootstrap = os.environ.get(_KAFKA) or stack.kafka
    environment = _environment(stack, bootstrap, slots)
    # Short: it stands in every text, topic and group.
    session_id = f"bench-{uuid.uuid4().hex[:8]}"
    print(_HOW.format(slots=slots, broker=f"tansu {bootstrap}" if bootstrap == stack.kafka else bootstrap))
    reported = []
    async with aiohttp.ClientSession() as session:
        bench = Bench(EmulatorControl(session, stack.control), bootstrap, stack.folder, environment)
        # The store makes its volumes and the emulator its clip when they are asked for first.
        await run_gather(bench, Run(f"{session_id}-warm", _WARM_UP_JOBS), "worker_gather")
        for scenario in scenarios:
            print(f"\n{_title(scenario, jobs)}\n{head()}", flush=True)
            measured = []
            for number in range(1, rounds + 1):
                name = f"{session_id}-{scenario[0]}{number}"
                measured.append(await _round(bench, name, jobs, scenario))
                print(row(str(number), measured[-1].columns), flush=True)
            print("\n".join(summary(measured)), flush=True)
            reported += [f"{scenario}: {verdict}" for verdict in verdicts(measured)]
    print("", *reported, sep="\n")


async def _round(bench: Bench, name: str, jobs: int, scenario: Scenario) -> Round:
    faults: list[dict[str, object]] = []
    if scenario is Scenario.SLOW:
        # The same numbers on all sides.
        pattern = pattern_of(slow_numbers(Run(name, jobs)))
        faults = [{"kind": "slow", "seconds": _SLOW_S - _GOOGLE_S, "text_pattern": pattern}]
    await bench.emulator.set_faults(faults)
    return Round(
        plain=await run_gather(bench, Run(f"{name}p", jobs), "library_gather"),
        own=await run_gather(bench, Run(f"{name}o", jobs), "worker_gather"),
        worker=await run_worker(bench, Run(f"{name}w", jobs)),
    )


def _title(scenario: Scenario, jobs: int) -> str:
    constant = f"{jobs} jobs, Google answers after a constant {_GOOGLE_S * 1000:g} ms"
    if scenario is Scenario.CONSTANT:
        return constant
    numbers = slow_numbers(Run("", jobs))
    return f"{constant}, but {len(numbers)} of the calls after {_SLOW_S:g} s, the last of them job {numbers[-1]}"


def _environment(stack: Stack, bootstrap: str, slots: int) -> dict[str, str]:
    variables: dict[str, Any] = stack.environment
    if bootstrap != stack.kafka:
        variables |= {_KAFKA: bootstrap, "KAFKA_IDEMPOTENCE": "true"}
    return variables | {
        "MAX_IN_FLIGHT": str(slots),
        "LOG_LEVEL": "info",
        "HTTP_PORT": "0",
        # tansu lets a group begin after half of it.
        "KAFKA_SESSION_TIMEOUT_S": "6",
        "CHIRP3_ENABLED": "true",
        "CHIRP3_ROLLOUT_PERCENTAGE": "100",
        "CHIRP3_ENABLED_CHARACTERS": "",
        "CHIRP3_EXCLUDED_CHARACTERS": "",
        # A slow call is late, not failed, on a busy machine too.
        "TTS_TIMEOUT_BASE_S": "30",
    }


if __name__ == "__main__":
    typer.run(main)
