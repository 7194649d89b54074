"""The quota shared by workers that come and go, and a voice model that is down: on Apache Kafka, with the figures."""

import math

import aiohttp
import pytest

from loadtest.benchmarks.quota.environment import Bench
from loadtest.benchmarks.quota.figures import MINUTE_S
from loadtest.benchmarks.quota.runs import GOOGLE_S, OutageRun, QuotaRun, run_outage, run_quota
from schemas.enums import VoiceModel
from tests.faults.campaign import report
from tests.faults.scale import SCALE

# Counts what is done in set times, which other tests on the same cores would change.
pytestmark = pytest.mark.alone


@pytest.fixture
async def bench(deployment):
    async with aiohttp.ClientSession() as session:
        stack = deployment.stack
        yield Bench(session, stack.control, stack.kafka, deployment.folder, stack.environment)


@pytest.mark.parametrize(("voice_model", "limit"), [(VoiceModel.CHIRP3_HD, 200), (VoiceModel.WAVENET, 1000)])
async def test_workers_that_come_and_go_share_one_quota(bench, deployment, voice_model, limit):
    run = QuotaRun(voice_model, limit, SCALE.quota_s, min(60.0, SCALE.quota_s))
    figures = await run_quota(bench, run, deployment.name)
    report(f"{limit} requests of {voice_model} a minute", figures="\n" + "\n".join(figures.lines))
    # A minute's use is only known after a minute.
    assert figures.refused <= 0.005 * figures.calls + 1
    assert figures.calls > 0
    # What Google has in hand when one of the two hand-overs ends, and little beside.
    assert figures.twice <= 2 * math.ceil(limit / MINUTE_S * GOOGLE_S) + 0.01 * figures.calls


async def test_a_voice_model_that_is_down_is_left_alone_and_found_again(bench, deployment):
    figures = await run_outage(bench, OutageRun(30.0, 5.0, SCALE.down_s, 30.0, window_s=5.0), deployment.name)
    report(f"Chirp down for {SCALE.down_s:g} s", figures="\n" + "\n".join(figures.lines))
    assert figures.done == figures.jobs
    assert figures.during > 0
    assert figures.still < figures.during / 2
    assert figures.again == figures.after > 0
