"""The two runs: a backlog against the quota while workers come and go, and steady jobs while Chirp is down."""

import asyncio
import itertools
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from loadtest.benchmarks.quota.environment import Bench, CallLog
from loadtest.benchmarks.quota.figures import (
    MINUTE_S,
    OutageFigures,
    Phase,
    QuotaFigures,
    outage_figures,
    quota_figures,
)
from loadtest.stack.traffic import Flow, send_steadily
from schemas.enums import Lane, VoiceModel
from schemas.topics import COMPLETIONS, LANES, prefixed

GOOGLE_S: Final = 0.3
_LAST_S: Final = 120.0
_CHARACTERS: Final = ("pip_boy", "codsworth")


@dataclass(frozen=True)
class QuotaRun:
    """`limit` requests a minute of a voice model; so many seconds with two workers, with three, and with two again.

    `warm_up_s` isn't measured: a fresh worker takes for used what others may have used in its first minute.
    """

    voice_model: VoiceModel
    limit: int
    seconds: float
    warm_up_s: float = MINUTE_S

    @property
    def settings(self) -> dict[str, str]:
        """A worker's, with the limit for the voice model and for all together; all jobs ask the one voice model."""
        return {
            "CHIRP3_ENABLED": "true",
            "CHIRP3_ROLLOUT_PERCENTAGE": "100" if self.voice_model is VoiceModel.CHIRP3_HD else "0",
            "QUOTA_CHIRP3_PER_MINUTE": str(self.limit),
            "QUOTA_WAVENET_PER_MINUTE": str(self.limit),
            "QUOTA_TOTAL_PER_MINUTE": str(self.limit),
        }

    @property
    def jobs(self) -> int:
        """More than can be done."""
        return int(2 * self.limit * (self.warm_up_s + 3 * self.seconds) / MINUTE_S) + 500


async def run_quota(bench: Bench, run: QuotaRun, name: str) -> QuotaFigures:
    """A backlog of batch jobs; the third worker joins and leaves."""
    await bench.set_faults()
    limits = {run.voice_model.value: run.limit, "all": run.limit}
    await bench.set_emulator(quota=limits, latency={"kind": "constant", "seconds": GOOGLE_S})
    log = CallLog(bench)
    async with bench.topics(name) as topics, AsyncExitStack() as stack:
        settings = {**topics, **run.settings}
        await _preload(bench, prefixed(LANES[Lane.BATCH], name), run.jobs, name)
        for number in (1, 2):
            await stack.enter_async_context(bench.worker(f"{name}-{number}", _named(settings, number)))
        reading = asyncio.create_task(log.run())
        stack.callback(reading.cancel)
        await asyncio.sleep(run.warm_up_s)
        began = time.time()
        await asyncio.sleep(run.seconds)
        phases = [Phase("two workers", began, time.time())]
        async with bench.worker(f"{name}-3", _named(settings, 3)):
            await asyncio.sleep(run.seconds)
            phases.append(Phase("a third joins, and works", phases[-1].end, time.time()))
        await asyncio.sleep(run.seconds)
        phases.append(Phase("it leaves, two work", phases[-1].end, time.time()))
        await log.read()
    return quota_figures(log.calls, run.limit, phases)


def _named(settings: Mapping[str, str], number: int) -> dict[str, str]:
    """Of static members each has a name of its own."""
    if "KAFKA_GROUP_INSTANCE_ID" not in settings:
        return dict(settings)
    return {**settings, "KAFKA_GROUP_INSTANCE_ID": f"{settings['KAFKA_GROUP_ID']}-{number}"}


async def _preload(bench: Bench, topic: str, jobs: int, name: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bench.kafka, acks="all", enable_idempotence=False)
    await producer.start()
    try:
        partitions = itertools.cycle(sorted(await producer.partitions_for(topic)))
        sent = [
            await producer.send(topic, json.dumps(job).encode(), partition=next(partitions))
            for job in itertools.islice(_lines(name), jobs)
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


def _lines(name: str) -> Iterator[dict[str, str]]:
    for number in itertools.count():
        character = _CHARACTERS[number % len(_CHARACTERS)]
        yield {
            "job_id": f"{name}-{number}",
            "character": character,
            "text": f"{name}, line {number}. We leave at dawn.",
        }


@dataclass(frozen=True)
class OutageRun:
    """`jobs_a_second` dialogue jobs; Chirp works, is down and works again for so many seconds each."""

    jobs_a_second: float
    before_s: float
    down_s: float
    after_s: float
    window_s: float = 10.0


async def run_outage(bench: Bench, run: OutageRun, name: str) -> OutageFigures:
    """Steady dialogue on one worker while Chirp's calls fail for a time."""
    await bench.set_faults()
    await bench.set_emulator(quota="off", latency={"kind": "constant", "seconds": GOOGLE_S})
    completions: dict[str, Mapping[str, Any]] = {}
    lane = prefixed(LANES[Lane.DIALOGUE], name)
    flow = Flow(name, run.jobs_a_second, _CHARACTERS, again_every=10**9)
    async with bench.topics(name) as topics:
        settings = {
            **topics,
            "CHIRP3_ENABLED": "true",
            "CHIRP3_ROLLOUT_PERCENTAGE": "100",
            "CIRCUIT_WINDOW_S": str(run.window_s),
            # A job that is late is no failure of Chirp.
            "TTS_TIMEOUT_BASE_S": "60",
        }
        async with bench.worker(name, settings):
            reading = asyncio.create_task(_read(bench, prefixed(COMPLETIONS, name), completions))
            producer = AIOKafkaProducer(bootstrap_servers=bench.kafka)
            await producer.start()
            sending = asyncio.create_task(send_steadily(producer, lane, flow))
            try:
                await asyncio.sleep(run.before_s)
                await bench.set_faults({"kind": "status", "code": "UNAVAILABLE", "voice_model": "chirp3-hd"})
                went_down = time.time()
                await asyncio.sleep(run.down_s)
                await bench.set_faults()
                down = Phase("down", went_down, time.time())
                await asyncio.sleep(run.after_s)
                sending.cancel()
                jobs = await _records(bench, lane)
                await _until_ended(completions, jobs)
            finally:
                sending.cancel()
                reading.cancel()
                await producer.stop()
    return outage_figures(completions, jobs, down, run.window_s)


async def _records(bench: Bench, topic: str) -> int:
    """How many records a topic holds."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bench.kafka)
    await consumer.start()
    try:
        ends: dict[Any, int] = await consumer.end_offsets(consumer.assignment())
    finally:
        await consumer.stop()
    return sum(ends.values())


async def _until_ended(completions: Mapping[str, object], jobs: int) -> None:
    """Waits for the last completions; how many are missing the figures say."""
    deadline = time.monotonic() + _LAST_S
    while time.monotonic() < deadline:
        if len(completions) >= jobs:
            break
        await asyncio.sleep(0.2)


async def _read(bench: Bench, topic: str, completions: dict[str, Mapping[str, Any]]) -> None:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bench.kafka, auto_offset_reset="earliest", isolation_level="read_committed"
    )
    await consumer.start()
    try:
        async for record in consumer:
            reported = json.loads(record.value)
            completions[reported["job_id"]] = reported
    finally:
        await consumer.stop()
