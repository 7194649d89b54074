"""One run: workers on their own topics, a backlog if there is one, dialogue jobs by the clock, their completions."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from loadtest.benchmarks.dialogue.load import CompletionListener, lines, listen, record_of, send_by_the_clock
from loadtest.benchmarks.throughput.topics import completions_of, settings_of, topics_of
from loadtest.stack.local_stack import worker_process
from schemas.enums import Lane
from schemas.topics import LANES, prefixed

_PARTITIONS: Final = 12
# A broker that has just started answers slower: of what it does often Java makes machine code.
_WARM_UP: Final = 500
_WARM_UP_EVERY_S: Final = 0.02
# What isn't answered so long after the last job was sent is told as unanswered.
_LAST_ANSWERS_S: Final = 15.0
# A worker with a backlog is measured once it works at its full rate.
_UNDER_WAY_S: Final = 5.0


@dataclass(frozen=True)
class Bench:
    """Where runs happen: the broker, the folder of the logs, the variables of the workers."""

    bootstrap: str
    folder: Path
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Load:
    """Dialogue jobs, one each `every_s` seconds, `count` in all; `backlog` batch jobs lie there before the first.

    `lane` is where the dialogue jobs are sent.
    """

    every_s: float
    count: int
    backlog: int = 0
    lane: Lane = Lane.DIALOGUE


async def run_load(bench: Bench, name: str, load: Load) -> CompletionListener:
    """Runs one load on one worker.

    Raises:
        StackError: the worker didn't start.
        KafkaError: the broker refused.
    """
    listener, warm = CompletionListener(), CompletionListener()
    async with _running(bench, name, 1) as (producer, consumer):
        listening = asyncio.create_task(listen(consumer, warm))
        lane = prefixed(LANES[Lane.DIALOGUE], name)
        await send_by_the_clock(producer, lane, f"{name}-warm", warm, every_s=_WARM_UP_EVERY_S, count=_WARM_UP)
        await _receive_all(warm)
        await _stop(listening)
        if load.backlog:
            await _fill(producer, prefixed(LANES[Lane.BATCH], name), f"{name}-batch", load.backlog)
            await asyncio.sleep(_UNDER_WAY_S)
        listening = asyncio.create_task(listen(consumer, listener))
        topic = prefixed(LANES[load.lane], name)
        await send_by_the_clock(producer, topic, f"{name}-line", listener, every_s=load.every_s, count=load.count)
        await _receive_all(listener)
        await _stop(listening)
    return listener


async def run_backlog(bench: Bench, name: str, workers: int, jobs: int) -> float:
    """Lets workers do jobs that lie there, once all of them are ready.

    Returns:
        Jobs a second, between the first tenth of the completions and the last but a tenth.
    """
    came: list[float] = []
    async with _running(bench, name, workers) as (producer, consumer):
        await _fill(producer, prefixed(LANES[Lane.BATCH], name), f"{name}-batch", jobs)
        while len(came) < jobs:
            for records in (await consumer.getmany(timeout_ms=100)).values():
                came += [record.timestamp / 1000 for record in records]
    came.sort()
    edge = jobs // 10
    return (jobs - 2 * edge - 1) / (came[-edge - 1] - came[edge])


@asynccontextmanager
async def _running(bench: Bench, name: str, workers: int) -> AsyncIterator[tuple[Any, Any]]:
    async with topics_of(bench.bootstrap, name, _PARTITIONS):
        producer = AIOKafkaProducer(bootstrap_servers=bench.bootstrap, acks="all", enable_idempotence=False)
        await producer.start()
        try:
            async with completions_of(bench.bootstrap, name) as consumer:
                with ExitStack() as stack:
                    for number in range(workers):
                        environment = {**bench.environment, **settings_of(name)}
                        await asyncio.to_thread(
                            stack.enter_context,
                            worker_process(environment, bench.folder, f"{name}-{number}"),
                        )
                    try:
                        yield producer, consumer
                    finally:
                        await asyncio.to_thread(stack.close)
        finally:
            await producer.stop()


async def _fill(producer: Any, topic: str, name: str, count: int) -> None:
    acknowledged = []
    for job in lines(name, count):
        key, value = record_of(job)
        acknowledged.append(await producer.send(topic, value, key=key))
    await asyncio.gather(*acknowledged)


async def _receive_all(listener: CompletionListener) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_ANSWERS_S):
            await listener.all_received.wait()


async def _stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
