"""A wrong deployment doesn't empty a topic into the dead letters."""

import asyncio
import json
import subprocess
import sys

from loadtest.stack.counters import scrape
from loadtest.stack.local_stack import worker_environment
from schemas.enums import JobStatus, Lane
from tests.stack.deployment import get, job

WINDOW = 50
NONSENSE = [f"no job {number}".encode() for number in range(400)]


async def until(condition, timeout_s: float = 30.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(0.1)


async def test_a_lane_of_nonsense_pauses_while_the_other_goes_on_and_resumes_when_told(deployment):
    settings = {"LANE_PAUSE_WINDOW": str(WINDOW), "LANE_PROBE_INTERVAL_S": "2", "MAX_IN_FLIGHT": "8"}
    deployment.environment["HTTP_TOKEN"] = "a token for this test"
    with deployment.worker(**settings) as (process, address):
        await deployment.produce(NONSENSE, Lane.BATCH)

        async def paused() -> bool:
            return (await scrape(address)).total("tts_lane_paused", lane="batch") == 1

        await until(paused)
        status, text = await get(f"{address}/readyz")
        assert status == 200
        assert "lane batch" in json.loads(text)["details"][0]
        letters = len(await deployment.dead_letters(0))
        assert letters < len(NONSENSE) // 2

        # The other lane goes on.
        await deployment.produce(job(number) for number in range(30))
        completions = await deployment.completions(30)
        assert {c.status for c in completions} == {JobStatus.DONE}

        # One record now and then is tried.
        async def one_more() -> bool:
            return len(await deployment.dead_letters(0)) > letters

        await until(one_more)
        assert len(await deployment.dead_letters(0)) <= letters + 8

        command = [sys.executable, "-m", "worker", "lane", "resume", "batch", "--url", address]
        reported = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=30, check=True,
            env=worker_environment(deployment.environment),
        )  # fmt: skip
        assert reported.stdout == f"{address}: batch goes on\n"
        await until(one_more)
        lines = [line for line in process.log.read_text().splitlines() if '"event": "lane_' in line]
        assert len(lines) <= 4


async def test_a_lane_resumes_by_itself_when_a_job_passes(deployment):
    settings = {"LANE_PAUSE_WINDOW": str(WINDOW), "LANE_PROBE_INTERVAL_S": "0.2", "MAX_IN_FLIGHT": "8"}
    with deployment.worker(**settings) as (_, address):
        await deployment.produce(NONSENSE[:60], Lane.BATCH)
        await deployment.produce((job(number) for number in range(100)), Lane.BATCH)
        completions = await deployment.completions(100)
        assert (await scrape(address)).total("tts_lane_paused", lane="batch") == 0
    assert {c.status for c in completions} == {JobStatus.DONE}
