"""The memory that a worker needs at most: large records, live and as a backlog, and batches that unfold to much."""

import asyncio
import json
import sys

import pytest
from aiokafka import AIOKafkaProducer

from schemas.enums import Lane
from schemas.topics import COMPLETIONS, DEAD_LETTERS, LANES
from tests.faults.campaign import report
from tests.faults.resident_memory import resident_mb
from tests.faults.scale import SCALE, SMALL
from tests.stack.deployment import job

RECORDS = 200
RECORD_BYTES = 10**6
BOMBS = 3
BOMB_BYTES = 200 * 2**20
MOST_MB = 100
"""Above what a worker has at its start."""
FULL_ONLY = pytest.mark.skipif(SCALE is SMALL, reason="one of each kind is enough in CI; all with FAULTS=full")


async def send(deployment, values, **options):
    producer = AIOKafkaProducer(bootstrap_servers=deployment.stack.kafka, max_request_size=2 * BOMB_BYTES, **options)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(deployment.topic(LANES[Lane.DIALOGUE]), value)
    finally:
        await producer.stop()


def large(number: int) -> bytes:
    return json.dumps(job(number, text="x" * RECORD_BYTES)).encode()


@pytest.mark.parametrize("in_flight", ["64", pytest.param("8", marks=FULL_ONLY)])
@pytest.mark.parametrize("arrival", ["as a backlog", "live"])
async def test_large_records_take_a_bounded_amount_of_memory(deployment, arrival, in_flight):
    values = [large(number) for number in range(RECORDS)]
    if arrival == "as a backlog":
        await send(deployment, values)
    with deployment.worker(MAX_IN_FLIGHT=in_flight, LANE_PAUSE_WINDOW="100000") as (process, _):
        at_start = resident_mb(process.pid)
        if arrival == "live":
            await send(deployment, values)
        letters = await deployment.read(DEAD_LETTERS, RECORDS)
        peak = resident_mb(process.pid)
        assert process.running
    report(
        f"memory: {RECORDS} records of 1 MB {arrival}, MAX_IN_FLIGHT={in_flight}",
        at_start=f"{at_start:.0f} MB",
        peak=f"{peak:.0f} MB",
    )
    assert len({dict(each.headers)["dead-letter-id"] for each in letters}) == RECORDS
    assert peak - at_start < MOST_MB


async def test_batches_that_unfold_to_200_mib_are_dead_letters_and_the_worker_goes_on(deployment):
    bomb = b'{"job_id": "bomb", "character": "pip_boy", "text": "' + b"A" * BOMB_BYTES + b'"}'
    with deployment.worker() as (process, _):
        at_start = resident_mb(process.pid)
        await send(deployment, [bomb] * BOMBS, compression_type="zstd", max_batch_size=2 * BOMB_BYTES)
        await deployment.produce(job(number) for number in range(20))
        done = await deployment.read(COMPLETIONS, 20)
        letters = await deployment.dead_letters(BOMBS)
        await deployment.until_committed()
        peak = resident_mb(process.pid)
        assert process.running
    report(f"memory: {BOMBS} batches of 200 MiB", at_start=f"{at_start:.0f} MB", peak=f"{peak:.0f} MB")
    assert len(done) == 20
    for value, reason in letters:
        assert value == b""
        assert "unfolds to more than 16,777,216 bytes" in reason["dead-letter-message"]
    assert await deployment.lane_offsets() == (20 + BOMBS, 20 + BOMBS)
    assert peak - at_start < MOST_MB


@pytest.mark.parametrize(
    ("encoding", "budget_mb"), [("LINEAR16", 1024), pytest.param("OGG_OPUS", 1024, marks=FULL_ONLY)]
)
async def test_long_texts_side_by_side_stay_within_the_budget(encoding, budget_mb):
    # Encoding 50 minutes of sound takes a core half a minute, and the codec makes no difference to what waits.
    texts = SCALE.long_texts if encoding == "LINEAR16" else 2
    command = [sys.executable, "-m", "tests.faults.long_texts", str(texts), str(budget_mb), encoding]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    figures = json.loads(output.splitlines()[-1])
    report(
        f"memory: {texts} long texts of 50,000 bytes at 48 kHz in {encoding}",
        budget=f"{budget_mb} MiB",
        at_start=f"{figures['start_mb']:.0f} MB",
        peak=f"{figures['peak_mb']:.0f} MB",
    )
    assert figures["done"] == texts
    assert figures["peak_mb"] - figures["start_mb"] < budget_mb
