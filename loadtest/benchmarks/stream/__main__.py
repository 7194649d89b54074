"""`make bench-stream`: how long after Google's first audio a client hears it, by the reply topic and by HTTP."""

import asyncio
import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Final

import aiohttp
import typer
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from rich.console import Console

from loadtest.benchmarks.stream.clients import ReplyTopicClient, UnheardError, hear_by_http, line_of
from loadtest.benchmarks.stream.figures import Heard, Way, streams_table
from loadtest.benchmarks.throughput.runs import EmulatorControl
from loadtest.benchmarks.throughput.topics import settings_of
from loadtest.stack.java import NoJavaError
from loadtest.stack.kafka_cluster import KafkaCluster
from loadtest.stack.local_stack import Stack, local_stack, worker_process
from loadtest.stack.ports import free_ports
from loadtest.stack.processes import StackError
from loadtest.stack.topics import make_topics
from schemas.enums import Lane
from schemas.topics import LANES, prefixed
from worker.config.sections import KafkaSettings
from worker.kafka.client.admin import connect_admin
from worker.kafka.client.topics import create_topics

_KAFKA: Final = "KAFKA_BOOTSTRAP_SERVERS"
_CHARACTERS: Final = (50, 1000)
_WARM_UP: Final = 5
# Google's own first audio comes after some 0.2 s (livekit/agents#2143); it speaks much faster than one listens.
_PACE: Final = {"first_s": 0.2, "chunk_s": 0.5, "speed": 20.0}
_PAUSE_S: Final = 0.05


def main(lines: Annotated[int, typer.Option(min=1, help="Lines of each length by each way.")] = 100) -> None:
    """Measure both ways by turns; ends with 1 if a line wasn't heard, or a median misses the goal."""
    try:
        with _kafka() as bootstrap, local_stack("external", _emulator(), kafka=bootstrap) as stack:
            ways = asyncio.run(_measure(stack, lines))
    except (NoJavaError, StackError, KafkaError, OSError, UnheardError) as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise typer.Exit(1) from None
    Console(width=120).print(streams_table(ways))
    if not all(each.is_met for each in ways):
        raise typer.Exit(1)


def _emulator() -> dict[str, object]:
    return {"speech": "canned", "streaming": _PACE}


@contextmanager
def _kafka() -> Iterator[str]:
    """Apache Kafka: a cluster of yours, or one broker here."""
    if outside := os.environ.get(_KAFKA):
        yield outside
        return
    with tempfile.TemporaryDirectory(prefix="chirp-kafka-") as folder, KafkaCluster(Path(folder)) as cluster:
        yield cluster.bootstrap


async def _measure(stack: Stack, lines: int) -> list[Way]:
    name = f"stream-{uuid.uuid4().hex[:6]}"
    replies = f"{name}.replies.game"
    await make_topics(stack.kafka, name)
    async with connect_admin(KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=stack.kafka)) as admin:
        await create_topics(admin, name, reply_topics=[replies])
    with ExitStack() as processes:
        async with _kafka_client(stack.kafka, name, replies) as kafka:
            address = await asyncio.to_thread(_start, stack, name, replies, processes)
            async with (
                aiohttp.ClientSession(address, timeout=aiohttp.ClientTimeout(total=60)) as session,
                aiohttp.ClientSession() as control,
            ):
                emulator = EmulatorControl(control, stack.control)
                ways = []
                for characters in _CHARACTERS:
                    await _by_turns(kafka, session, f"{name}-warm", range(-_WARM_UP, 0), characters)
                    await emulator.forget_calls()
                    by_topic, by_http = await _by_turns(kafka, session, name, range(lines), characters)
                    google = await emulator.first_audio()
                    ways += [_way(each, characters, heard, google) for each, heard in
                             (("reply topic", by_topic), ("HTTP", by_http))]  # fmt: skip
            await asyncio.to_thread(processes.close)
    return ways


def _way(name: str, characters: int, heard: list[Heard], google: dict[str, float]) -> Way:
    return Way(name, characters, [each.first - google[each.text] for each in heard], heard)


async def _by_turns(
    kafka: ReplyTopicClient, session: aiohttp.ClientSession, name: str, numbers: range, characters: int
) -> tuple[list[Heard], list[Heard]]:
    """Lines by the reply topic and by HTTP, by turns, so that the machine's other work meets both."""
    by_topic, by_http = [], []
    for number in numbers:
        await asyncio.sleep(_PAUSE_S)
        by_topic.append(await kafka.hear(f"{name}-{characters}-k{number}", line_of(2 * number, characters)))
        await asyncio.sleep(_PAUSE_S)
        by_http.append(
            await hear_by_http(session, f"{name}-{characters}-h{number}", line_of(2 * number + 1, characters))
        )
    return by_topic, by_http


def _start(stack: Stack, name: str, replies: str, processes: ExitStack) -> str:
    """Starts a worker and a process of the HTTP API, which `processes` closes; returns the API's address."""
    environment = {
        **stack.environment,
        **settings_of(name),
        "CHIRP3_ENABLED": "true",
        "CHIRP3_ROLLOUT_PERCENTAGE": "100",
        "REPLY_TOPICS": replies,
    }
    processes.enter_context(worker_process(environment, stack.folder, f"{name}-worker"))
    (port,) = free_ports(1)
    limits = {"HTTP_API_PORT": str(port), "HTTP_API_LINES_PER_MINUTE": "0", "HTTP_API_REQUESTS_PER_MINUTE": "0"}
    processes.enter_context(worker_process({**environment, **limits}, stack.folder, f"{name}-serve", ("serve",)))
    return f"http://127.0.0.1:{port}"


@asynccontextmanager
async def _kafka_client(bootstrap: str, name: str, replies: str) -> AsyncIterator[ReplyTopicClient]:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    consumer = AIOKafkaConsumer(replies, bootstrap_servers=bootstrap)
    await producer.start()
    try:
        await consumer.start()
        try:
            for partition in consumer.assignment():
                await consumer.position(partition)
            yield ReplyTopicClient(producer, consumer, prefixed(LANES[Lane.DIALOGUE], name), replies)
        finally:
            await consumer.stop()
    finally:
        await producer.stop()


if __name__ == "__main__":
    typer.run(main)
