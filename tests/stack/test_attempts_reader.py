"""Attempts read from a broker: an undecodable record among others, and readers that come at different times."""

import asyncio
import subprocess
from datetime import UTC, datetime, timedelta

from aiokafka import AIOKafkaProducer

from schemas.completion import Attempt, Completion
from schemas.enums import AttemptResult, JobStatus, Lane, VoiceModel
from schemas.topics import COMPLETIONS, RETRY_DELAYS
from tests.stack.deployment import program
from tests.until import HANG_S
from worker.config.settings import load_settings
from worker.lifecycle.clock import Clock
from worker.rollout.analysis.attempt_counts import AttemptCounts
from worker.rollout.controller.attempts_reader import read_attempts
from worker.rollout.controller.evidence import Observers


def completion(number: int) -> bytes:
    attempt = Attempt(
        id=f"attempt-{number}",
        voice_model=VoiceModel.WAVENET,
        voice="en-US-Wavenet-A",
        result=AttemptResult.SUCCESS,
        code="OK",
        calls=1,
        seconds=0.3,
        billed_characters=5,
        ended_at=datetime.now(UTC),
    )
    reported = Completion(
        job_id=f"job-{number}",
        status=JobStatus.DONE,
        lane=Lane.BATCH,
        character="ghoul",
        language="en-US",
        text_characters=5,
        attempts=(attempt,),
    )
    return reported.model_dump_json().encode()


async def write(deployment, numbers) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=deployment.stack.kafka)
    await producer.start()
    try:
        for number in numbers:
            await producer.send_and_wait(deployment.topic(COMPLETIONS), completion(number))
    finally:
        await producer.stop()


def reading(deployment, ledger: AttemptCounts, since: datetime):
    settings = load_settings(deployment.environment).kafka
    return read_attempts(settings, RETRY_DELAYS, since, Observers(lambda each, at: ledger.add(each, 0, at)), Clock())


async def until_counted(reader, ledger: AttemptCounts, count: int) -> None:
    async with asyncio.timeout(HANG_S):
        while ledger.counted < count or not reader.caught_up:
            await reader.poll(0.1)


async def test_a_reader_goes_on_live_and_one_that_comes_later_counts_the_same(deployment):
    began = datetime.now(UTC) - timedelta(seconds=1)
    live, later = AttemptCounts(timedelta(minutes=1)), AttemptCounts(timedelta(minutes=1))
    await write(deployment, range(20))
    async with reading(deployment, live, began) as reader:
        await until_counted(reader, live, 20)
        before = reader.read_to
        await write(deployment, range(20, 30))
        await until_counted(reader, live, 30)
        async with asyncio.timeout(HANG_S):
            # Idle partitions are read to now.
            while reader.read_to <= before:
                await reader.poll(0.1)
    async with reading(deployment, later, began) as reader:
        await until_counted(reader, later, 30)
    assert dict(later.cells(0, 10**9)) == dict(live.cells(0, 10**9))


async def test_what_was_published_before_is_not_read(deployment):
    await write(deployment, range(5))
    await asyncio.sleep(0.05)
    ledger = AttemptCounts(timedelta(minutes=1))
    async with reading(deployment, ledger, datetime.now(UTC)) as reader:
        assert reader.caught_up
        await write(deployment, range(5, 8))
        await until_counted(reader, ledger, 3)
    assert ledger.counted == 3


async def test_a_record_that_cannot_be_decoded_is_stepped_over_and_nothing_else(deployment):
    began = datetime.now(UTC) - timedelta(seconds=1)
    address = ["-b", deployment.stack.kafka, "-q", "-P", "-t", deployment.topic(COMPLETIONS), "-p", "0"]
    command = [each.encode() for each in (program("kcat"), *address)]
    for number in range(6):
        # A header's name that is no UTF-8; all in one partition, as neighbours.
        header = b"\xff\xfe=1" if number % 3 == 1 else b"name=1"
        subprocess.run([*command, b"-H", header], input=completion(number), check=True, timeout=HANG_S)
    ledger = AttemptCounts(timedelta(minutes=1))
    async with reading(deployment, ledger, began) as reader:
        await until_counted(reader, ledger, 4)
        assert reader.unreadable == 2
