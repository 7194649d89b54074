"""`make bench-http`: what the HTTP API adds to Kafka's latency, alone and while a thousand clients wait."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import aiohttp
import typer
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from rich.console import Console

from loadtest.benchmarks.http_api.clients import KafkaClient, UnansweredError, line_by_http, wait_in_a_crowd
from loadtest.benchmarks.http_api.figures import added_table
from loadtest.benchmarks.throughput.runs import EmulatorControl
from loadtest.benchmarks.throughput.topics import settings_of
from loadtest.stack.counters import scrape
from loadtest.stack.java import NoJavaError
from loadtest.stack.kafka_cluster import kafka_to_measure
from loadtest.stack.local_stack import Stack, local_stack, worker_process
from loadtest.stack.ports import free_ports
from loadtest.stack.processes import StackError
from loadtest.stack.topics import make_topics
from schemas.enums import Lane
from schemas.topics import COMPLETIONS, LANES, prefixed

_WARM_UP: Final = 100
# The crowd's lines take so long that all of it still waits when the last pair has been measured.
_SLOW_S: Final = 120.0
_LOOK_EVERY_S: Final = 0.2
# Before each line, so that nothing of the last one's work is left: both ways' records pass through all processes.
_PAUSE_S: Final = 0.05


def main(
    pairs: Annotated[int, typer.Option(min=10, help="Lines by each way.")] = 300,
    crowd: Annotated[int, typer.Option(min=1, help="Clients that wait meanwhile.")] = 1000,
) -> None:
    """Measure both ways by turns; ends with 1 if a line wasn't answered, whatever the figures."""
    try:
        with kafka_to_measure() as bootstrap, local_stack("external", {"speech": "canned"}, kafka=bootstrap) as stack:
            asyncio.run(_measure(stack, pairs, crowd))
    except (NoJavaError, StackError, KafkaError, OSError, UnansweredError) as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise typer.Exit(1) from None


@dataclass(frozen=True)
class _Addresses:
    http_api: str
    metrics: str
    pid: int


async def _measure(stack: Stack, pairs: int, crowd: int) -> None:
    console, name = Console(), f"http-{uuid.uuid4().hex[:6]}"
    with ExitStack() as processes:
        await make_topics(stack.kafka, name)
        async with _kafka_client(stack.kafka, name) as kafka:
            at = await asyncio.to_thread(_start, stack, name, processes, crowd)
            connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=None)
            async with (
                aiohttp.ClientSession(at.http_api, timeout=timeout, connector=connector) as session,
                aiohttp.ClientSession() as control,
            ):
                emulator = EmulatorControl(control, stack.control)
                await emulator.set_latency(0.0)
                await _pairs(kafka, session, f"{name}-warm", _WARM_UP)
                began_s = _cpu_s(at.pid)
                console.print(added_table("nobody else waits", *await _pairs(kafka, session, f"{name}-idle", pairs)))
                # It reads the completions of the other way's lines, too.
                console.print(f"{1000 * (_cpu_s(at.pid) - began_s) / pairs:.1f} ms of the process's CPU time a pair")
                await emulator.set_latency(_SLOW_S)
                waiting = [
                    asyncio.create_task(wait_in_a_crowd(session, f"{name}-crowd-{number}")) for number in range(crowd)
                ]
                await _until_waiting(at, crowd)
                beside = await _pairs(kafka, session, f"{name}-beside", pairs)
                still = (await scrape(at.metrics)).total("tts_http_waiters")
                console.print(added_table(f"{still:,.0f} clients wait", *beside))
                console.print(f"the process has {_resident_mb(at.pid):.0f} MiB resident")
                await emulator.set_latency(0.0)
                await asyncio.gather(*waiting)
                console.print(f"all {crowd:,} got their own completions")
            await asyncio.to_thread(processes.close)


def _start(stack: Stack, name: str, processes: ExitStack, crowd: int) -> _Addresses:
    """Starts a worker and a process of the HTTP API; what `processes` closes."""
    environment = {
        **stack.environment,
        **settings_of(name),
        "CHIRP3_ENABLED": "false",
        # Both ways' completions carry the audio's address.
        "AUDIO_URL_TTL_S": "3600",
        "TTS_TIMEOUT_BASE_S": str(5 * _SLOW_S),
        "TTS_TIMEOUT_MAX_S": str(10 * _SLOW_S),
    }
    processes.enter_context(worker_process(environment, stack.folder, f"{name}-worker"))
    (port,) = free_ports(1)
    limits = {
        "HTTP_API_PORT": str(port),
        "HTTP_API_MAX_WAITERS": str(crowd + 1),
        "HTTP_API_MAX_WAIT_S": "3600",
        "HTTP_API_LINES_PER_MINUTE": "0",
        "HTTP_API_REQUESTS_PER_MINUTE": "0",
    }
    process, metrics = processes.enter_context(
        worker_process({**environment, **limits}, stack.folder, f"{name}-serve", ("serve",))
    )
    return _Addresses(f"http://127.0.0.1:{port}", metrics, process.pid)


@asynccontextmanager
async def _kafka_client(bootstrap: str, name: str) -> AsyncIterator[KafkaClient]:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    consumer = AIOKafkaConsumer(
        prefixed(COMPLETIONS, name), bootstrap_servers=bootstrap, isolation_level="read_committed"
    )
    await producer.start()
    try:
        await consumer.start()
        try:
            for partition in consumer.assignment():
                await consumer.position(partition)
            yield KafkaClient(producer, consumer, prefixed(LANES[Lane.DIALOGUE], name))
        finally:
            await consumer.stop()
    finally:
        await producer.stop()


async def _pairs(
    kafka: KafkaClient, session: aiohttp.ClientSession, name: str, count: int
) -> tuple[list[float], list[float]]:
    """Seconds of each line by Kafka alone, and by HTTP; by turns, so that the machine's other work meets both."""
    by_kafka, by_http = [], []
    for number in range(count):
        await asyncio.sleep(_PAUSE_S)
        by_kafka.append(await kafka.line(f"{name}-k{number}"))
        await asyncio.sleep(_PAUSE_S)
        by_http.append(await line_by_http(session, f"{name}-h{number}"))
    return by_kafka, by_http


async def _until_waiting(at: _Addresses, crowd: int) -> None:
    # Another process's figure: there is no event of it.
    while (await scrape(at.metrics)).total("tts_http_waiters") < crowd:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_EVERY_S)


def _cpu_s(pid: int) -> float:
    # proc(5): after the name in parentheses, which may hold spaces, utime and stime are the 12th and 13th.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024


if __name__ == "__main__":
    typer.run(main)
