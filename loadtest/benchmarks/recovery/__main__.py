"""`make bench-recovery`: how long a killed worker's jobs stand still, and whether a pause of 8 s costs a membership."""

import asyncio
import logging
import statistics
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from aiokafka.errors import KafkaError

from loadtest.benchmarks.recovery.flow import Recovery
from loadtest.benchmarks.recovery.runs import Way, run_kill, run_pause
from loadtest.benchmarks.recovery.traffic import Bench
from loadtest.stack.java import NoJavaError
from loadtest.stack.kafka_cluster import KafkaCluster
from loadtest.stack.local_stack import Stack, local_stack
from loadtest.stack.processes import StackError

_GUARANTEES: Final = ("at-least-once", "exactly-once")
_GOAL_S: Final = 12.0
_HOW = f"""\
Seconds from the SIGKILL to the first and to the last completion of the killed worker's jobs, as a reader of committed
records gets them, with the default settings. The goal of the first is {_GOAL_S:g} s."""


def main(
    runs: Annotated[int, typer.Option(min=1, help="Runs of each.")] = 5,
    jobs: Annotated[int, typer.Option(min=100, help="Jobs of a run.")] = 1500,
    guarantee: Annotated[list[str] | None, typer.Option(help="One of DELIVERY's values; again for more.")] = None,
) -> None:
    """Measure the recovery after a kill; ends with 1 if jobs were lost, repeated exactly-once, or a goal was missed."""
    # What it logs while a broker makes topics is no problem.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    # As brokers are by default: no shorter cycle in which timed-out transactions are looked for.
    usual = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": "10000"}
    try:
        with (
            tempfile.TemporaryDirectory(prefix="chirp-kafka-") as folder,
            KafkaCluster(Path(folder), settings=usual) as cluster,
            local_stack("external", _GOOGLE, kafka=cluster.bootstrap) as stack,
        ):
            met = asyncio.run(_bench(stack, runs, jobs, guarantee or _GUARANTEES))
    except (NoJavaError, StackError, KafkaError, OSError, ValueError) as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise typer.Exit(1) from None
    if not met:
        raise typer.Exit(1)


_GOOGLE: Final = {"speech": "canned", "latency": {"kind": "constant", "seconds": 0.05}}


async def _bench(stack: Stack, runs: int, jobs: int, guarantees: Sequence[str]) -> bool:
    bench = Bench(stack.kafka, stack.folder, {**stack.environment, "CHIRP3_ENABLED": "true"})
    print(_HOW)
    met = True
    for guarantee in guarantees:
        for way in Way:
            if way is Way.NAMELESS and guarantee == "exactly-once":
                continue
            measured = [await run_kill(bench, _name(), guarantee, way, jobs) for _ in range(runs)]
            print(_row(guarantee, way, measured), flush=True)
            met = met and all(_is_met(guarantee, each) for each in measured)
        moved = [await run_pause(bench, _name(), guarantee, jobs) for _ in range(runs)]
        print(f"{guarantee}, one of two paused for 8 s: {sum(moved)} assignments in {runs} runs", flush=True)
        met = met and not any(moved)
    return met


def _name() -> str:
    # Short: it stands in every text, topic and group.
    return f"rec-{uuid.uuid4().hex[:8]}"


def _is_met(guarantee: str, run: Recovery) -> bool:
    return run.first_s <= _GOAL_S and not run.lost and not (guarantee == "exactly-once" and run.repeated)


def _row(guarantee: str, way: Way, runs: Sequence[Recovery]) -> str:
    first, last = [each.first_s for each in runs], [each.last_s for each in runs]
    return (
        f"{guarantee}, {way}: first {statistics.median(first):.1f} ({min(first):.1f}-{max(first):.1f}), "
        f"last {statistics.median(last):.1f} ({min(last):.1f}-{max(last):.1f}), "
        f"lost {sum(each.lost for each in runs)}, repeated {sum(each.repeated for each in runs)} of {len(runs)} runs"
    )


if __name__ == "__main__":
    typer.run(main)
