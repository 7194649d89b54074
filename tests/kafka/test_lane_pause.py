"""A wrong deployment doesn't empty a topic into the dead letters."""

import asyncio
import json
import subprocess
import sys
import time

from loadtest.stack.counters import scrape
from loadtest.stack.local_stack import worker_environment
from schemas.enums import JobStatus, Lane
from tests.stack.deployment import get, job
from tests.until import HANG_S, until

WINDOW = 50
IN_FLIGHT = 8
PROBE_S = 2
NONSENSE = [f"no job {number}".encode() for number in range(400)]


async def test_a_lane_of_nonsense_pauses_while_the_other_goes_on_and_resumes_when_told(deployment):
    settings = {
        "LANE_PAUSE_WINDOW": str(WINDOW),
        "LANE_PROBE_INTERVAL_S": f"{PROBE_S}",
        "MAX_IN_FLIGHT": f"{IN_FLIGHT}",
    }
    deployment.environment["HTTP_TOKEN"] = "a token for this test"
    with deployment.worker(**settings) as (process, address):
        await deployment.produce(NONSENSE, Lane.BATCH)

        async def paused() -> bool:
            return (await scrape(address)).total("tts_lane_paused", lane="batch") == 1

        await until(paused)
        status, text = await get(f"{address}/readyz")
        assert status == 200
        assert "lane batch" in json.loads(text)["details"][0]
        began = time.monotonic()
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
        tried = len(await deployment.dead_letters(0)) - letters
        assert tried <= IN_FLIGHT + (time.monotonic() - began) / PROBE_S + 1

        command = [sys.executable, "-m", "worker", "lane", "resume", "batch", "--url", address]
        reported = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=HANG_S, check=True,
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

        async def resumed() -> bool:
            return (await scrape(address)).total("tts_lane_paused", lane="batch") == 0

        await until(resumed)
    assert {c.status for c in completions} == {JobStatus.DONE}
