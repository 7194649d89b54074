"""The exact readings against the worker's counters, over failures, fallbacks, retries and stored takes."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer

from loadtest.stack.counters import scrape
from loadtest.stack.traffic import Flow, send_steadily
from schemas.enums import AttemptResult, Lane, VoiceModel
from schemas.topics import LANES, RETRY_DELAYS
from tests.faults.campaign import report
from tests.faults.rollouts import NAMES
from tests.faults.scale import SCALE
from tests.stack.deployment import Deployment
from tests.until import HANG_S
from worker.config.settings import load_settings
from worker.lifecycle.clock import Clock
from worker.rollout.analysis.attempt_counts import AttemptCounts
from worker.rollout.controller.attempts_reader import read_attempts
from worker.rollout.controller.evidence import Observers
from worker.rollout.plan.settings import Windows

JOBS_A_SECOND = 40
ILL = [
    {"kind": "status", "code": "INTERNAL", "voice_model": "chirp3-hd", "share": 0.3},
    # Some of what falls back fails there too, and comes back by a retry topic.
    {"kind": "status", "code": "UNAVAILABLE", "voice_model": "wavenet", "share": 0.2},
]


async def send_for(deployment: Deployment, seconds: float) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=deployment.stack.kafka)
    await producer.start()
    try:
        flow = Flow(deployment.name, JOBS_A_SECOND, NAMES)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await send_steadily(producer, deployment.topic(LANES[Lane.DIALOGUE]), flow)
        # One that forces its voice counts too, and isn't the rollout's.
        forced = {"job_id": "forced", "character": "ghoul", "text": "Forced.", "voice": "chirp3-hd"}
        await producer.send_and_wait(deployment.topic(LANES[Lane.DIALOGUE]), json.dumps(forced).encode())
    finally:
        await producer.stop()


async def read_all(deployment: Deployment, since: datetime) -> AttemptCounts:
    """As a controller reads that starts now."""
    ledger = AttemptCounts(Windows().resolution)
    settings = load_settings(deployment.environment).kafka
    async with (
        asyncio.timeout(HANG_S),
        read_attempts(
            settings, RETRY_DELAYS, since, Observers(lambda each, at: ledger.add(each, 0, at)), Clock()
        ) as reader,
    ):
        while not reader.caught_up:
            await reader.poll(0.5)
    assert reader.unreadable == 0
    return ledger


async def test_the_readings_equal_the_workers_counters(deployment):
    began = datetime.now(UTC)
    await deployment.set_faults(*ILL)
    with deployment.worker(CHIRP3_ROLLOUT_PERCENTAGE="50") as (_, address):
        await send_for(deployment, SCALE.counted_s)
        await deployment.set_faults()
        async with asyncio.timeout(3 * HANG_S):
            # Until the retries are done, and their jobs with them.
            while (await scrape(address)).total("tts_jobs_in_flight") or not await done(deployment):
                await asyncio.sleep(0.5)
        counted = await scrape(address)
    ledger = await read_all(deployment, began)
    counts = ledger.by_result()
    for voice_model in VoiceModel:
        for result in AttemptResult:
            for name in NAMES:
                reported = counted.total(
                    "tts_synthesis_total", voice_model=voice_model, status=result, character_key=name
                )
                assert counts.get((voice_model, name, result), 0) == reported, (voice_model, name, result)
    steps = [tally for _, cells in ledger.cells(0, 10**9) for tally in cells.values()]
    assert sum(each.fallbacks for each in steps) == counted.total("tts_chirp3_fallback_total")
    assert sum(each.cached for each in steps) == counted.total("tts_cache_requests_total", result="hit")
    assert ledger.repeated > 0
    again = await read_all(deployment, began)
    assert counts_of(again) == counts_of(ledger)
    report(
        f"6. {SCALE.counted_s:g} s of traffic",
        attempts=sum(counts.values()),
        counted=int(counted.total("tts_synthesis_total")),
        fallbacks=sum(each.fallbacks for each in steps),
        listed_again=ledger.repeated,
    )


def counts_of(ledger: AttemptCounts) -> dict:
    """All that is counted, by cell; seconds are sums whose last digit depends on the order."""
    return {
        (step, key): (each.attempts, each.errors, each.fallbacks, each.cached, each.billed, each.times.counts)
        for step, cells in ledger.cells(0, 10**9)
        for key, each in cells.items()
    }


async def done(deployment: Deployment) -> bool:
    """Whether every record of the lane has its outcome, and of the retries too."""
    records, committed = await deployment.lane_offsets()
    if records != committed:
        return False
    completions = {each.job_id for each in await deployment.completions(1)}
    return len(completions) == records
