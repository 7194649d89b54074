"""Kafka, the store and Google down in mid-run."""

import asyncio
import time
from collections import Counter

import pytest

from tests.faults.campaign import Campaign, report
from tests.faults.resident_memory import resident_mb
from tests.faults.scale import SCALE
from tests.stack.test_outages import until_ready, until_waiting

# What a worker may log besides one line a job, whatever the outage's length.
LINES = 60
SAYS = {"the store": "S3", "Google": "WaveNet can't be reached", "Kafka": "Kafka"}


@pytest.mark.parametrize("what", ["the store", "Google", "Kafka"])
async def test_an_outage_in_mid_run_ends_no_job_badly(deployment, own_cluster, what):
    stack = deployment.stack
    ends = {"the store": stack.store.kill, "Google": stack.emulator_process.kill, "Kafka": lambda: own_cluster.kill(1)}
    starts = {
        "the store": stack.store.start,
        "Google": stack.emulator_process.start,
        "Kafka": lambda: own_cluster.start(1),
    }
    campaign = Campaign(deployment, SCALE.jobs)
    await deployment.emulator(latency={"kind": "constant", "seconds": 0.2})
    await campaign.produce()
    # The start can't take longer than the jobs do: they are to be cut in the middle.
    with deployment.worker(MAX_IN_FLIGHT="16") as (process, address):
        await campaign.under_way()
        memory = resident_mb(process.pid)
        await asyncio.to_thread(ends[what])
        waits_for = await until_waiting(address, SAYS[what])
        await asyncio.sleep(SCALE.outage_s)
        began, cpu_before = time.monotonic(), cpu_seconds(process.pid)
        await asyncio.sleep(1)
        idle = (cpu_seconds(process.pid) - cpu_before) / (time.monotonic() - began)
        # The emulator counts from its start.
        calls_before = 0 if what == "Google" else await campaign.calls()
        await asyncio.to_thread(starts[what])
        ended = await campaign.completions(timeout_s=300)
        await until_ready(address)
        lines = process.log.read_text().splitlines()
        others = [line for line in lines if '"event": "job"' not in line]
        grown = resident_mb(process.pid) / memory
    calls = await campaign.calls()
    report(
        f"5. {what} down for {SCALE.outage_s:g} s in {SCALE.jobs} jobs",
        lost=len(campaign.lost(ended)),
        repeated=campaign.repeats(ended).total(),
        dead_letters=await campaign.dead_letters(),
        google_calls_beyond="(counts lost with Google)" if what == "Google" else calls - SCALE.jobs,
        statuses=dict(campaign.statuses(ended)),
        readyz=waits_for,
        log_lines_beside_the_jobs=len(others),
        memory=f"{grown:.2f} times",
        cpu_in_a_second_of_outage=f"{idle:.2f} s",
    )
    assert campaign.lost(ended) == set()
    assert campaign.statuses(ended) == Counter(done=len(ended))
    assert what == "Google" or calls_before < calls == SCALE.jobs
    assert idle < 0.5
    assert len(others) <= LINES, "\n".join(others)[:4000]
    assert grown < 1.5


def cpu_seconds(pid: int) -> float:
    return time.clock_gettime((~pid << 3) | 2)
