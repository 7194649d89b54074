"""`make bench-quota`: how much of Google's quota workers use together, and what a broken Chirp costs."""

import asyncio
import os
import uuid
from collections.abc import Sequence
from typing import Annotated, Final

import aiohttp
import typer
from aiokafka.errors import KafkaError

from loadtest.benchmarks.quota.environment import Bench
from loadtest.benchmarks.quota.runs import OutageRun, QuotaRun, run_outage, run_quota
from loadtest.stack.local_stack import Stack, local_stack
from loadtest.stack.processes import StackError
from schemas.enums import VoiceModel

_KAFKA: Final = "KAFKA_BOOTSTRAP_SERVERS"


def main(
    chirp: Annotated[int, typer.Option(min=0, help="Requests a minute of Chirp; 0 leaves it out.")] = 200,
    wavenet: Annotated[int, typer.Option(min=0, help="Requests a minute of WaveNet; 0 leaves it out.")] = 1000,
    seconds: Annotated[float, typer.Option(min=1, help="With two workers, with three, and with two again.")] = 120.0,
    jobs_a_second: Annotated[float, typer.Option(min=1, help="Of dialogue, while Chirp goes down.")] = 30.0,
    down: Annotated[float, typer.Option(min=0, help="Seconds for which Chirp is down; 0 leaves it out.")] = 60.0,
) -> None:
    """Print the figures; with KAFKA_BOOTSTRAP_SERVERS on that cluster, where a rebalance is worth measuring."""
    limits = {VoiceModel.CHIRP3_HD: chirp, VoiceModel.WAVENET: wavenet}
    quota = [QuotaRun(each, limit, seconds) for each, limit in limits.items() if limit]
    kafka = os.environ.get(_KAFKA)
    google = {"speech": "canned", "latency": {"kind": "constant", "seconds": 0.3}}
    try:
        with local_stack("external" if kafka else "noida", google, kafka=kafka) as stack:
            asyncio.run(_bench(stack, quota, OutageRun(jobs_a_second, 20.0, down, 30.0)))
    except (StackError, KafkaError, OSError) as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise typer.Exit(1) from None


async def _bench(stack: Stack, quota: Sequence[QuotaRun], outage: OutageRun) -> None:
    name = f"quota-{uuid.uuid4().hex[:8]}"
    async with aiohttp.ClientSession() as session:
        bench = Bench(session, stack.control, stack.kafka, stack.folder, stack.environment)
        for run in quota:
            print(f"{run.limit} requests of {run.voice_model} a minute, a backlog of batch jobs", flush=True)
            figures = await run_quota(bench, run, f"{name}-{run.voice_model}")
            print("\n".join(figures.lines), flush=True)
        if outage.down_s:
            print(
                f"Chirp down for {outage.down_s:g} s, {outage.jobs_a_second:g} dialogue jobs a second on one worker",
                flush=True,
            )
            print("\n".join((await run_outage(bench, outage, f"{name}-outage")).lines), flush=True)


if __name__ == "__main__":
    typer.run(main)
