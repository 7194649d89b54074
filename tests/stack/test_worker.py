import asyncio
import hashlib
import time

from loadtest.stack.counters import scrape
from schemas.enums import JobStatus, Lane
from schemas.topics import COMPLETIONS
from tests.stack.deployment import get, job
from tests.stack.test_outages import outages, until_called, until_ready, until_waiting
from tests.until import until
from worker.speech.audio_format import read_duration


async def test_a_job_becomes_a_completion_whose_audio_is_in_the_store(deployment):
    with deployment.worker():
        await deployment.produce([job(1), job(2, audio={"encoding": "LINEAR16", "sample_rate": 16000})])
        await deployment.produce([job(3, audio={"encoding": "MP3"})], Lane.BATCH)
        completions = await deployment.completions(3)

    assert {completion.job_id for completion in completions} == {"job-1", "job-2", "job-3"}
    async with deployment.store() as store:
        for completion in completions:
            assert completion.status is JobStatus.DONE
            audio = await store.fetch(completion.audio.key)
            assert hashlib.sha256(audio).hexdigest() == completion.audio.sha256
            assert len(audio) == completion.audio.bytes
            measured = read_duration(audio, completion.audio.encoding, completion.audio.sample_rate)
            assert abs(measured - completion.audio.duration_s) < 0.001
            stored = await store.look_up(completion.audio.key)
            assert stored.sha256 == completion.audio.sha256
            assert stored.voice == completion.voice


async def test_the_completion_has_the_key_of_its_job_record_and_is_a_cloud_event(deployment):
    with deployment.worker():
        await deployment.produce([job(1)])
        (record,) = await deployment.read(COMPLETIONS, 1)
    headers = dict(record.headers)
    assert record.key is None  # as the job record's
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_subject"] == b"job-1"
    assert headers["ce_source"] == f"/chirp-worker/{deployment.name}".encode()


async def test_the_same_line_again_is_cached_and_not_paid_for_twice(deployment):
    with deployment.worker():
        await deployment.produce([job(1, text="Once is enough.")])
        (first,) = await deployment.completions(1)
        await deployment.produce([job(2, text="Once is enough.")])
        _, second = sorted(await deployment.completions(2), key=lambda each: each.job_id)
    assert second.audio.cached
    assert second.audio.sha256 == first.audio.sha256
    assert second.attempts == ()
    assert (await deployment.calls())["total"] == 1


async def test_a_hundred_jobs_for_the_same_line_at_once_cost_one_call_and_have_one_sound(deployment):
    await deployment.emulator(latency={"kind": "constant", "seconds": 1.0})
    await deployment.produce(job(number, text="All at once.", voice="chirp3-hd") for number in range(100))
    with deployment.worker(MAX_IN_FLIGHT="100") as (_, address):
        completions = await deployment.completions(100)
        metrics = await scrape(address)
    assert {completion.job_id for completion in completions} == {f"job-{number}" for number in range(100)}
    assert len({completion.audio.sha256 for completion in completions}) == 1
    assert (await deployment.calls())["total"] == 1
    assert len([key for key in await deployment.keys() if key.startswith(deployment.name)]) == 1
    assert sum(len(completion.attempts) for completion in completions) == 1
    assert metrics.total("tts_cache_requests_total", result="hit") == 99


async def test_after_ten_jobs_with_chirp_failing_the_fallback_rate_is_100_and_not_more(deployment):
    await deployment.set_faults({"kind": "status", "code": "UNAVAILABLE", "voice_model": "chirp3-hd"})
    # At its tenth failure the circuit would open for the jobs that a slow machine does later.
    with deployment.worker(CHIRP3_ROLLOUT_PERCENTAGE="100", CIRCUIT_MINIMUM="100") as (_, address):
        await deployment.produce(job(number) for number in range(10))
        completions = await deployment.completions(10)
        metrics = await scrape(address)
    assert all(completion.fallback and completion.voice_model == "wavenet" for completion in completions)
    assert [a.voice_model for a in completions[0].attempts] == ["chirp3-hd", "wavenet"]
    assert completions[0].attempts[0].calls == 2  # the quick retry
    fallbacks = metrics.total("tts_chirp3_fallback_total")
    attempts = metrics.total("tts_synthesis_total", voice_model="chirp3-hd")
    assert (fallbacks, attempts) == (10, 10)
    assert metrics.total("tts_synthesis_total", voice_model="wavenet", status="success") == 10


async def test_every_way_in_which_chirp_can_fail_ends_in_wavenet(deployment):
    ways = {
        "transient": {"kind": "status", "code": "INTERNAL"},
        "invalid": {"kind": "status", "code": "INVALID_ARGUMENT"},
        "quota": {"kind": "status", "code": "RESOURCE_EXHAUSTED"},
        "timeout": {"kind": "hang"},
        "bad_audio": {"kind": "truncated"},
        "nothing": {"kind": "empty"},
        "denied": {"kind": "status", "code": "PERMISSION_DENIED"},
    }
    faults = [{**way, "voice_model": "chirp3-hd", "text_pattern": name} for name, way in ways.items()]
    await deployment.set_faults(*faults)
    jobs = [job(number, text=f"This one is {name}.") for number, name in enumerate(ways)]
    # The circuit opens at ten failures, as many as six lines and their quick retries, and at one denial.
    settings = {"CHIRP3_ROLLOUT_PERCENTAGE": "100", "TTS_TIMEOUT_BASE_S": "10", "CIRCUIT_MINIMUM": "100"}
    with deployment.worker(**settings) as (_, address):
        await deployment.produce(jobs[:-1])
        await deployment.completions(6)
        await deployment.produce(jobs[-1:])
        completions = await deployment.completions(7)
        await until_ready(address)
    found = {c.attempts[0].failure_class for c in completions}
    assert found == set(ways) - {"nothing"}
    assert all(c.status is JobStatus.DONE and c.voice_model == "wavenet" for c in completions)


async def test_when_both_voice_models_fail_the_job_is_a_dead_letter_with_its_reason(deployment):
    # Of this line alone: were it of all, the job would wait for Google.
    fault = {"kind": "status", "code": "UNAVAILABLE", "message": "try later", "text_pattern": "line number"}
    await deployment.set_faults(fault)
    with deployment.worker(CHIRP3_ROLLOUT_PERCENTAGE="100"):
        await deployment.produce([job(1)])
        (completion,) = await deployment.completions(1)
        ((value, headers),) = await deployment.dead_letters(1)
    assert completion.status is JobStatus.FAILED
    # Chirp and WaveNet, and both again in the lane's one retry.
    assert [attempt.failure_class for attempt in completion.attempts] == ["transient"] * 4
    assert completion.error.code == "UNAVAILABLE"
    assert b'"job-1"' in value
    assert headers["dead-letter-class"] == "transient"
    assert headers["dead-letter-message"] == "try later"


async def test_while_wavenet_is_denied_the_worker_takes_no_jobs_and_then_loses_none(deployment):
    await deployment.set_faults({"kind": "status", "code": "PERMISSION_DENIED", "message": "API is off"})
    with deployment.worker(TTS_PROBE_INTERVAL_S="0.2", CHIRP3_ROLLOUT_PERCENTAGE="0") as (process, address):
        await deployment.produce([job(1)])
        await until_waiting(address, "WaveNet is denied")
        await deployment.produce(job(number) for number in range(2, 12))
        await asyncio.sleep(0.5)
        assert await deployment.completions(0) == []
        await deployment.set_faults()
        completions = await deployment.completions(11)
        await until_ready(address)
    assert {completion.status for completion in completions} == {JobStatus.DONE}
    assert len(completions) == 11
    assert outages(process, "google") == ["dependency_down", "dependency_up"]


async def test_a_batch_job_waits_for_quota_while_dialogue_goes_on(deployment):
    await deployment.set_faults({"kind": "status", "code": "RESOURCE_EXHAUSTED", "text_pattern": "patient"})
    with deployment.worker(CHIRP3_ROLLOUT_PERCENTAGE="0", MAX_IN_FLIGHT="8"):
        await deployment.produce((job(n, text=f"I am patient {n}.") for n in range(4)), Lane.BATCH)
        await until_called(deployment, 1)
        await deployment.produce(job(n) for n in range(10, 16))
        first = await deployment.completions(6)
        await deployment.set_faults()
        completions = await deployment.completions(10)
    assert {completion.lane for completion in first} == {Lane.DIALOGUE}
    batch = [completion for completion in completions if completion.lane is Lane.BATCH]
    assert len(batch) == 4
    assert all(len(completion.attempts) == 1 for completion in batch)


async def test_a_deadline_that_has_passed_expires_the_job_without_a_call(deployment):
    with deployment.worker():
        await deployment.produce([job(1, deadline="2020-01-01T00:00:00Z")])
        (completion,) = await deployment.completions(1)
    assert completion.status is JobStatus.EXPIRED
    assert completion.error.field == "deadline"
    assert (await deployment.calls())["total"] == 0


async def test_a_long_text_becomes_one_take_of_one_voice_model(deployment):
    text = " ".join(f"Sentence {number} of the long, long broadcast." for number in range(250))
    assert len(text) > 10_000
    with deployment.worker():
        await deployment.produce([job(1, text=text, audio={"encoding": "LINEAR16"})])
        (completion,) = await deployment.completions(1)
    (attempt,) = completion.attempts
    assert attempt.calls >= 2
    assert attempt.billed_characters <= len(text)
    assert completion.audio.duration_s > 100


async def test_the_metrics_say_what_waits(deployment):
    await deployment.set_faults({"kind": "hang", "text_pattern": "slow"})
    with deployment.worker(MAX_IN_FLIGHT="4", TTS_TIMEOUT_BASE_S="600", TTS_TIMEOUT_MAX_S="600") as (process, address):
        await deployment.produce([job(0, text="A slow one.")])
        await deployment.produce(job(number) for number in range(1, 21))
        await deployment.completions(20)

        async def one_waits() -> bool:
            metrics = await scrape(address)
            counts = [metrics.total(name, lane="dialogue") for name in ("tts_consumer_lag", "tts_jobs_in_flight")]
            return counts == [1, 1] and metrics.total("tts_oldest_unfinished_job_age_seconds", lane="dialogue") > 0.5

        await until(one_waits)
        _, text = await get(f"{address}/metrics/prometheus")
        # Nobody waits for the call's end.
        process.kill()
    assert "tts_synthesis_total" in text


async def test_the_age_of_what_waits_for_a_slot_is_exported_until_it_has_one(deployment):
    await deployment.set_faults({"kind": "slow", "seconds": 15, "text_pattern": "slow"})
    with deployment.worker(MAX_IN_FLIGHT="1") as (_, address):
        began = time.time()
        await deployment.produce([job(number, text="A slow one.") for number in (0, 1)])

        async def age() -> float:
            return (await scrape(address)).total("tts_oldest_unstarted_job_age_seconds", lane="dialogue")

        assert await until(age) <= time.time() - began
        await deployment.set_faults()
        await deployment.completions(2)

        async def none_waits() -> bool:
            return await age() == 0

        await until(none_waits)
