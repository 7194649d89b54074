"""Quota and circuit on the real stack, small: the wiring. Their figures are `make bench-quota`'s affair."""

from __future__ import annotations

import asyncio
import itertools
import signal

from loadtest.stack.counters import scrape
from schemas.enums import FailureClass, Lane, VoiceModel
from tests.stack.deployment import job
from tests.until import HANG_S, until

CHIRP, WAVENET = VoiceModel.CHIRP3_HD, VoiceModel.WAVENET
ALL_CHIRP = {"CHIRP3_ROLLOUT_PERCENTAGE": "100"}


async def test_batch_keeps_to_the_quota_google_refuses_nothing_and_the_metrics_tell(deployment) -> None:
    await deployment.emulator(quota={"chirp3-hd": 120, "all": 120})
    await deployment.produce((job(number) for number in range(16)), Lane.BATCH)
    with deployment.worker(**ALL_CHIRP, QUOTA_CHIRP3_PER_MINUTE="120") as (_, address):
        completions = await deployment.completions(16)
        counters = await scrape(address)
    assert [each.voice_model for each in completions] == [CHIRP] * 16
    assert sum(each.timings.quota > 0 for each in completions) >= 5
    assert (await deployment.calls())["calls"] == {"chirp3-hd": {"OK": 16}}
    assert counters.total("tts_quota_requests_per_minute", voice_model="chirp3-hd") == 0.99 * 120
    assert counters.total("tts_quota_decisions_total", lane="batch", decision="waited") >= 5
    assert counters.total("tts_quota_wait_seconds_sum", lane="batch") > 1


async def test_a_batch_job_that_waits_for_quota_is_handed_back_when_the_worker_stops(deployment) -> None:
    await deployment.produce((job(number) for number in range(6)), Lane.BATCH)
    with deployment.worker(**ALL_CHIRP, QUOTA_CHIRP3_PER_MINUTE="1", SHUTDOWN_GRACE_S="3600") as (process, address):

        async def all_taken() -> bool:
            return (await scrape(address)).total("tts_jobs_in_flight", lane="batch") == 6

        await until(all_taken)
        process.signal(signal.SIGTERM)
        # It waits for none of them: the last would have its turn after minutes.
        assert await asyncio.to_thread(process.wait, HANG_S) == 0
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
    # A slow machine, too, makes ten attempts in this window, and the other jobs before the circuit is probed.
    circuit = {"CIRCUIT_WINDOW_S": "600", "CIRCUIT_COOL_DOWN_S": "10"}
    with deployment.worker(**ALL_CHIRP, MAX_IN_FLIGHT="4", **circuit) as (_, address):
        completions = await deployment.completions(40)
        skipped = [each for each in completions if each.attempts[0].failure_class is FailureClass.CIRCUIT_OPEN]
        counters = await scrape(address)
        assert counters.total("tts_circuit_state", voice_model="chirp3-hd") > 0
        assert counters.total("tts_chirp3_fallback_total", error_type="circuit_open") == len(skipped) > 20
        assert counters.total("tts_synthesis_total", voice_model="chirp3-hd", status="error") == 40
        calls = (await deployment.calls())["calls"]["chirp3-hd"]["DEADLINE_EXCEEDED"]
        assert counters.total("tts_synthesis_duration_seconds_count", voice_model="chirp3-hd") == calls
        await deployment.set_faults()
        numbers = itertools.count(40)

        async def closed() -> bool:
            number = next(numbers)
            await deployment.produce([job(number)])
            await deployment.completions(number + 1)
            return (await scrape(address)).total("tts_circuit_state", voice_model="chirp3-hd") == 0

        await until(closed)
    assert [each.voice_model for each in completions] == [WAVENET] * 40
