"""Quota and circuit on the real stack, small: the wiring. Their figures are `make bench-quota`'s affair."""

from __future__ import annotations

import asyncio

from loadtest.stack.counters import scrape
from schemas.enums import FailureClass, Lane, VoiceModel
from tests.stack.deployment import job

CHIRP, WAVENET = VoiceModel.CHIRP3_HD, VoiceModel.WAVENET
ALL_CHIRP = {"CHIRP3_ROLLOUT_PERCENTAGE": "100"}


async def test_batch_keeps_to_the_quota_google_refuses_nothing_and_the_metrics_tell(deployment) -> None:
    await deployment.emulator(quota={"chirp3-hd": 240, "all": 240})
    await deployment.produce((job(number) for number in range(16)), Lane.BATCH)
    with deployment.worker(**ALL_CHIRP, QUOTA_CHIRP3_PER_MINUTE="240") as (_, address):
        completions = await deployment.completions(16)
        counters = await scrape(address)
    assert [each.voice_model for each in completions] == [CHIRP] * 16
    assert sum(each.timings.quota > 0 for each in completions) >= 5
    assert (await deployment.calls())["calls"] == {"chirp3-hd": {"OK": 16}}
    assert counters.total("tts_quota_requests_per_minute", voice_model="chirp3-hd") == 0.99 * 240
    assert counters.total("tts_quota_decisions_total", lane="batch", decision="waited") >= 5
    assert counters.total("tts_quota_wait_seconds_sum", lane="batch") > 1


async def test_a_batch_job_that_waits_for_quota_is_handed_back_when_the_worker_stops(deployment) -> None:
    await deployment.produce((job(number) for number in range(6)), Lane.BATCH)
    with deployment.worker(**ALL_CHIRP, QUOTA_CHIRP3_PER_MINUTE="1", SHUTDOWN_GRACE_S="60") as (process, address):
        async with asyncio.timeout(60):
            while (await scrape(address)).total("tts_jobs_in_flight", lane="batch") < 6:
                await asyncio.sleep(0.1)
        began = asyncio.get_running_loop().time()
        process.stop()
        assert asyncio.get_running_loop().time() - began < 25, "it didn't wait for them"
    with deployment.worker("second", **ALL_CHIRP):
        assert len(await deployment.completions(6)) == 6


async def test_what_google_refuses_all_the_same_backs_off_and_loses_no_job(deployment) -> None:
    refused = {"kind": "status", "code": "RESOURCE_EXHAUSTED", "voice_model": "chirp3-hd", "limit": 5}
    await deployment.set_faults(refused)
    await deployment.produce((job(number) for number in range(20)), Lane.BATCH)
    with deployment.worker(**ALL_CHIRP):
        completions = await deployment.completions(20)
    assert [each.voice_model for each in completions] == [CHIRP] * 20
    assert sum(attempt.calls for each in completions for attempt in each.attempts) == 25


async def test_while_chirp_is_down_dialogue_goes_straight_to_wavenet_and_back_when_it_works(deployment) -> None:
    await deployment.set_faults({"kind": "status", "code": "DEADLINE_EXCEEDED", "voice_model": "chirp3-hd"})
    await deployment.produce(job(number) for number in range(40))
    with deployment.worker(**ALL_CHIRP, MAX_IN_FLIGHT="4", CIRCUIT_COOL_DOWN_S="1") as (_, address):
        completions = await deployment.completions(40)
        skipped = [each for each in completions if each.attempts[0].failure_class is FailureClass.CIRCUIT_OPEN]
        counters = await scrape(address)
        assert counters.total("tts_circuit_state", voice_model="chirp3-hd") > 0
        assert counters.total("tts_chirp3_fallback_total", error_type="circuit_open") == len(skipped) > 20
        assert counters.total("tts_synthesis_total", voice_model="chirp3-hd", status="error") == 40
        calls = (await deployment.calls())["calls"]["chirp3-hd"]["DEADLINE_EXCEEDED"]
        assert counters.total("tts_synthesis_duration_seconds_count", voice_model="chirp3-hd") == calls
        await deployment.set_faults()
        await asyncio.sleep(1)
        for number in range(40, 44):
            await deployment.produce([job(number)])
            await deployment.completions(number + 1)
        assert (await scrape(address)).total("tts_circuit_state", voice_model="chirp3-hd") == 0
    assert [each.voice_model for each in completions] == [WAVENET] * 40
