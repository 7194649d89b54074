"""The way of one job: decide, look up, speak, fall back, store, complete; and how each of it is counted."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from schemas.enums import (
    AttemptResult,
    AudioEncoding,
    DecisionReason,
    FailureClass,
    JobStatus,
    Lane,
    VoiceModel,
)
from schemas.parsing import InvalidJobError
from schemas.revision import FULL_PERCENTAGE
from tests.unit.makers import CHIRP, WAVENET, job, rendered_job
from tests.unit.world import ALL, DENIED, NOW, SOUNDS, WAV, World, failed, spoke
from worker.jobs.outcome import Outcome
from worker.kafka.consumer.received_job import read_job
from worker.kafka.consumer.record import Record
from worker.rollout.state import RolloutState
from worker.speech.limits.rate_limit import RateLimitRules
from worker.storage.errors import StorageRefusedError, StorageUnavailableError
from worker.storage.takes import StoredTake, take_key


async def test_a_job_in_the_rollout_speaks_by_chirp_is_stored_and_told_whole() -> None:
    world = World()
    completion = spoke(await world.run(labels={"scene": "1"}, user_id="u"))
    sound = SOUNDS[CHIRP]
    key = take_key("takes", "pip_boy", rendered_job(CHIRP, audio=WAV), 1)
    assert completion.audio.model_dump() == {
        "uri": f"s3://bucket/{key}",
        "bucket": "bucket",
        "key": key,
        "bytes": len(sound),
        "duration_s": pytest.approx(1.5),
        "encoding": AudioEncoding.LINEAR16,
        "sample_rate": 24000,
        "sha256": hashlib.sha256(sound).hexdigest(),
        "url": None,
        "cached": False,
    }
    assert (completion.voice_model, completion.voice, completion.fallback) == (CHIRP, "en-US-Chirp3-HD-Puck", False)
    assert completion.decision.reason is DecisionReason.IN_ROLLOUT
    assert (completion.decision.percentage, completion.decision.revision) == (100, 0)
    assert (completion.labels, completion.take, completion.character) == ({"scene": "1"}, 1, "pip_boy")
    assert completion.text_characters == len("Hello there, wanderer.")
    assert (completion.timings.wait, completion.timings.speak, completion.timings.total) == (0.25, 3.0, 3.0)
    assert [a.result for a in completion.attempts] == [AttemptResult.SUCCESS]
    assert world.counted() == {"chirp3-hd success": 1}
    assert list(world.shelf.takes) == [key]


async def test_a_completion_carries_the_address_of_its_audio() -> None:
    world = World()

    async def address(key: str) -> str:
        return f"https://cdn.example/{key}"

    world.pipeline._audio_url = address
    audio = spoke(await world.run()).audio
    assert audio.url == f"https://cdn.example/{audio.key}"


async def test_a_job_is_done_without_an_address_where_none_can_be_signed() -> None:
    world = World()

    async def address(_key: str) -> str:
        raise StorageRefusedError("no credentials")

    world.pipeline._audio_url = address
    with capture_logs() as logs:
        assert spoke(await world.run()).audio.url is None
    assert [each["event"] for each in logs if each["log_level"] == "warning"] == ["audio_url_failed"]


async def test_a_job_outside_of_the_rollout_speaks_by_wavenet_and_that_is_no_fallback() -> None:
    world = World(RolloutState(enabled=True, percentage=0, characters=None))
    completion = spoke(await world.run())
    assert (completion.voice_model, completion.fallback) == (WAVENET, False)
    assert completion.decision.reason is DecisionReason.OUTSIDE
    assert world.counted() == {"wavenet success": 1}


async def test_a_stored_take_is_reported_and_counts_as_no_attempt() -> None:
    world = World()
    first = spoke(await world.run())
    again = spoke(await world.run(job_id="another"))
    assert again.audio == first.audio.model_copy(update={"cached": True})
    assert again.attempts == ()
    assert world.google.calls == [CHIRP]
    assert world.counted() == {"chirp3-hd success": 1}
    assert world.count("tts_cache_requests_total", voice_model=CHIRP, result="hit") == 1
    assert world.count("tts_cache_requests_total", voice_model=CHIRP, result="miss") == 1


@pytest.mark.parametrize("written", ["zh-TW", "zh-Hant-TW", "zh_TW", "cmn"])
async def test_a_language_in_another_spelling_is_the_same_line_with_the_same_take(written: str) -> None:
    world = World()
    first = spoke(await world.run(text="歡迎回家。", language="cmn-TW"))
    again = spoke(await world.run(job_id="another", text="歡迎回家。", language=written))
    assert again.audio == first.audio.model_copy(update={"cached": True})
    assert (again.language, again.decision.bucket) == ("cmn-TW", first.decision.bucket)


async def test_the_next_take_is_made_anew() -> None:
    world = World()
    one, two = spoke(await world.run()), spoke(await world.run(take=2))
    assert one.audio.key != two.audio.key
    assert (two.take, two.audio.cached) == (2, False)


async def test_whoever_loses_the_race_reports_the_take_that_was_stored_first() -> None:
    world = World()
    key = take_key("takes", "pip_boy", rendered_job(CHIRP, audio=WAV), 1)
    world.shelf.first = StoredTake(key, 7, "ff", 1.0, AudioEncoding.LINEAR16, 24000, "en-US-Chirp3-HD-Puck")
    completion = spoke(await world.run())
    assert (completion.audio.sha256, completion.audio.bytes, completion.audio.cached) == ("ff", 7, False)
    assert world.counted() == {"chirp3-hd success": 1}


FALLS_BACK = ["INVALID_ARGUMENT", "NOT_FOUND", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", DENIED, "UNAUTHENTICATED"]


@pytest.mark.parametrize("failure", [*FALLS_BACK, b"", b"garbage"])
async def test_any_failure_of_chirp_in_dialogue_falls_back_and_is_counted_once_each(failure: str | bytes) -> None:
    world = World()
    world.google.fails[CHIRP] = [failure]
    completion = spoke(await world.run())
    assert (completion.voice_model, completion.voice, completion.fallback) == (WAVENET, "en-US-Wavenet-I", True)
    assert completion.decision.voice_model is CHIRP
    assert completion.audio.duration_s == pytest.approx(2.0)
    assert world.counted() == {"chirp3-hd error": 1, "wavenet success": 1, "fallback": 1}
    chirp, wavenet = completion.attempts
    assert (chirp.result, wavenet.result) == (AttemptResult.ERROR, AttemptResult.SUCCESS)
    assert world.count("tts_chirp3_fallback_total", error_type=chirp.failure_class, character_key="pip_boy") == 1
    assert chirp.id != wavenet.id
    assert all("/wavenet/" in key for key in world.shelf.takes), "bad audio is never stored"


async def test_wavenets_duration_does_not_carry_the_failed_chirp_attempts_time() -> None:
    world = World()
    world.google.fails[CHIRP] = ["INTERNAL", "INTERNAL"]
    completion = spoke(await world.run())
    assert [a.seconds for a in completion.attempts] == [6.0, 0.5]
    assert world.count("tts_synthesis_duration_seconds_sum", voice_model=WAVENET) == 0.5
    assert world.count("tts_synthesis_duration_seconds_sum", voice_model=CHIRP) == 6.0
    assert world.counted() == {"chirp3-hd error": 1, "wavenet success": 1, "fallback": 1}
    assert completion.timings.speak == 6.5


async def test_a_fallback_take_that_is_stored_already_is_not_made_again() -> None:
    world = World()
    world.google.fails[CHIRP] = ["DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"]
    spoke(await world.run())
    again = spoke(await world.run())
    assert (again.fallback, again.audio.cached, len(again.attempts)) == (True, True, 1)
    assert world.google.calls == [CHIRP, WAVENET, CHIRP]
    assert world.counted() == {"chirp3-hd error": 2, "wavenet success": 1, "fallback": 2}


async def test_ten_jobs_with_chirp_failing_have_a_fallback_rate_of_one_hundred_and_not_more() -> None:
    world = World()
    world.google.fails[CHIRP] = ["DEADLINE_EXCEEDED"] * 10
    for number in range(10):
        spoke(await world.run(text=f"Line number {number} here."))
    assert world.counted() == {"chirp3-hd error": 10, "wavenet success": 10, "fallback": 10}


async def test_a_fallback_that_fails_too_counts_as_any_failure_and_ends_the_job() -> None:
    world = World()
    world.google.fails = defaultdict(list, {CHIRP: ["DEADLINE_EXCEEDED"], WAVENET: ["INVALID_ARGUMENT"]})
    completion = failed(await world.run())
    assert (completion.error.failure_class, completion.error.code) == ("invalid", "INVALID_ARGUMENT")
    assert [a.voice_model for a in completion.attempts] == [CHIRP, WAVENET]
    assert world.counted() == {"chirp3-hd error": 1, "wavenet error": 1, "fallback": 1}
    assert completion.decision.voice_model is CHIRP
    assert not world.shelf.takes


@pytest.mark.parametrize("failure", ["INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", b""])
async def test_with_fallback_off_a_failure_of_chirp_ends_the_job_and_counts_no_fallback(failure: str | bytes) -> None:
    world = World(RolloutState(enabled=True, percentage=FULL_PERCENTAGE, characters=None, fallback=False))
    world.google.fails[CHIRP] = [failure]
    completion = failed(await world.run(), retryable=failure != "INVALID_ARGUMENT")
    assert world.google.calls == [CHIRP]
    assert world.counted() == {"chirp3-hd error": 1}
    assert completion.fallback is False


async def test_a_failure_of_wavenet_by_decision_has_nothing_to_fall_back_to() -> None:
    world = World(RolloutState(enabled=False, percentage=0, characters=None))
    world.google.fails[WAVENET] = ["DEADLINE_EXCEEDED"]
    failed(await world.run(), retryable=True)
    assert world.google.calls == [WAVENET]
    assert world.counted() == {"wavenet error": 1}


async def test_a_job_past_its_deadline_is_expired_without_any_work_and_is_no_dead_letter() -> None:
    world = World()
    outcome = await world.run(deadline=NOW.isoformat())
    assert outcome.completion is not None
    assert outcome.completion.status is JobStatus.EXPIRED
    assert outcome.dead_letter is None
    assert outcome.completion.error is not None
    assert outcome.completion.error.field == "deadline"
    assert (world.google.calls, world.shelf.looked_up, world.counted()) == ([], [], {})
    spoke(await world.run(deadline=(NOW + timedelta(seconds=1)).isoformat()))


async def test_a_deadline_at_the_end_of_time_or_before_it_is_no_crash() -> None:
    spoke(await World().run(deadline="9999-12-31T23:59:59-23:00"))
    outcome = await World().run(deadline="0001-01-01T00:00:00+23:00")
    assert outcome.completion is not None
    assert outcome.completion.status is JobStatus.EXPIRED


async def test_a_batch_job_that_google_refuses_for_quota_waits_and_that_is_one_attempt() -> None:
    world = World()
    world.google.fails[CHIRP] = ["RESOURCE_EXHAUSTED"] * 3
    completion = spoke(await world.run(Lane.BATCH))
    assert (completion.voice_model, completion.fallback) == (CHIRP, False)
    assert [(each.calls, each.seconds) for each in completion.attempts] == [(4, pytest.approx(12.0))]
    assert world.counted() == {"chirp3-hd success": 1}
    assert world.waits == pytest.approx([1, 2, 4])
    assert completion.timings.quota == pytest.approx(7)
    assert world.count("tts_google_calls_total", code="RESOURCE_EXHAUSTED") == 3


async def test_a_refused_batch_job_waits_for_as_long_as_it_takes_and_never_over_thirty_two_seconds_at_once() -> None:
    world = World()
    world.google.fails[CHIRP] = ["RESOURCE_EXHAUSTED"] * 12
    spoke(await world.run(Lane.BATCH))
    assert max(world.waits) == pytest.approx(32)


ONE_A_MINUTE = RateLimitRules({CHIRP: 1}, 0, 0.1)


async def test_batch_waits_for_its_quota_and_its_time_is_no_time_of_the_attempt() -> None:
    world = World(quota=ONE_A_MINUTE)
    first, second = map(spoke, await world.run_all({}, {"text": "Another line."}, lane=Lane.BATCH))
    assert first.timings.quota == 0
    assert 55 < second.timings.quota < 62
    assert second.timings.speak == 3.0
    assert world.google.calls == [CHIRP, CHIRP]
    assert world.count("tts_synthesis_duration_seconds_sum") == 6.0
    assert world.count("tts_quota_decisions_total", lane="batch", decision="granted") == 1
    assert world.count("tts_quota_decisions_total", lane="batch", decision="waited") == 1
    assert world.count("tts_quota_wait_seconds_sum", lane="batch") == pytest.approx(second.timings.quota)


async def test_a_take_that_somebody_stored_during_the_wait_for_quota_is_used_and_the_quota_given_back() -> None:
    world = World(quota=ONE_A_MINUTE)
    spoke(await world.run(Lane.BATCH))
    waits = world.waiting

    @contextmanager
    def meanwhile() -> Iterator[None]:
        with waits():
            yield
        for line in ("Another line.", "And another."):
            key = take_key("takes", "pip_boy", rendered_job(CHIRP, audio=WAV, text=line), 1)
            world.shelf.takes[key] = StoredTake(key, 7, "ff", 1.0, AudioEncoding.LINEAR16, 24000, "v")

    world.waiting = meanwhile  # type: ignore[method-assign]
    jobs = ({"text": "Another line."}, {"text": "And another."})
    completions = list(map(spoke, await world.run_all(*jobs, lane=Lane.BATCH)))
    assert [each.audio.cached for each in completions] == [True, True]
    assert world.google.calls == [CHIRP]
    assert completions[1].timings.quota < 62, "the second took what the first gave back"


async def test_a_batch_job_whose_deadline_passes_while_it_waits_for_quota_is_expired_unpaid() -> None:
    world = World(quota=ONE_A_MINUTE)
    spoke(await world.run(Lane.BATCH))
    outcome = await world.run(Lane.BATCH, text="Another line.", deadline=(NOW + timedelta(seconds=30)).isoformat())
    assert outcome.completion is not None
    assert outcome.completion.status is JobStatus.EXPIRED
    assert world.google.calls == [CHIRP]


async def test_dialogue_without_quota_falls_back_and_the_chirp_attempt_that_was_not_made_is_told() -> None:
    world = World(quota=ONE_A_MINUTE)
    spoke(await world.run())
    completion = spoke(await world.run(text="Another line."))
    assert (completion.fallback, completion.voice_model) == (True, WAVENET)
    chirp, wavenet = completion.attempts
    assert (chirp.result, chirp.failure_class, chirp.code) == (AttemptResult.ERROR, FailureClass.QUOTA, "NOT_CALLED")
    assert (chirp.calls, chirp.seconds, chirp.billed_characters, chirp.falls_back) == (0, 0.0, 0, True)
    assert (wavenet.result, wavenet.calls) == (AttemptResult.SUCCESS, 1)
    assert world.google.calls == [CHIRP, WAVENET]
    assert world.counted() == {"chirp3-hd success": 1, "chirp3-hd error": 1, "wavenet success": 1, "fallback": 1}
    assert world.count("tts_chirp3_fallback_total", error_type="quota") == 1
    assert world.count("tts_synthesis_duration_seconds_count", voice_model=CHIRP) == 1
    assert world.count("tts_quota_decisions_total", lane="dialogue", decision="refused") == 1


async def test_without_quota_for_wavenet_either_a_dialogue_job_is_tried_again_later() -> None:
    world = World(quota=RateLimitRules({CHIRP: 1, WAVENET: 1}, 0, 0.1))
    for voice in ("chirp3-hd", "wavenet"):
        spoke(await world.run(voice=voice))
    completion = failed(await world.run(text="Another line."), retryable=True)
    assert (completion.error.failure_class, completion.error.code) == ("quota", "NOT_CALLED")
    assert [(each.voice_model, each.calls) for each in completion.attempts] == [(CHIRP, 0), (WAVENET, 0)]
    assert world.probes == 0


def deaf(world: World, attempts: int = 10) -> None:
    """Chirp fails so often that its circuit opens."""
    world.google.fails[CHIRP] = ["DEADLINE_EXCEEDED"] * attempts


async def test_with_an_open_circuit_jobs_go_straight_to_the_fallback_and_are_counted_as_failed() -> None:
    world = World()
    deaf(world)
    for number in range(10):
        spoke(await world.run(text=f"Line number {number}."))
    completion = spoke(await world.run(text="Another line."))
    chirp, wavenet = completion.attempts
    assert (chirp.failure_class, chirp.code, chirp.calls) == (FailureClass.CIRCUIT_OPEN, "NOT_CALLED", 0)
    assert (chirp.falls_back, wavenet.result) == (True, AttemptResult.SUCCESS)
    assert world.google.calls.count(CHIRP) == 10
    assert world.counted() == {"chirp3-hd error": 11, "wavenet success": 11, "fallback": 11}
    assert world.count("tts_chirp3_fallback_total", error_type="circuit_open") == 1
    assert world.count("tts_synthesis_duration_seconds_count", voice_model=CHIRP) == 10
    assert world.count("tts_circuit_state", voice_model=CHIRP) == 2


async def test_a_refused_attempt_says_in_which_revision_its_circuit_failed() -> None:
    world = World()
    deaf(world, 11)

    def now_is(revision: int) -> None:
        world.rollout.adopt(replace(world.rollout.state, revision=revision))

    now_is(4)
    for number in range(10):
        assert spoke(await world.run(text=f"Line number {number}.")).attempts[0].circuit_revision is None
    now_is(5)
    refused = spoke(await world.run(text="In the next stage.")).attempts[0]
    assert (refused.failure_class, refused.revision, refused.circuit_revision) == (FailureClass.CIRCUIT_OPEN, 5, 4)
    world.seconds += 5
    assert spoke(await world.run(text="A probe that fails in the next stage.")).fallback
    assert spoke(await world.run(text="Refused by it.")).attempts[0].circuit_revision == 5


async def test_a_circuit_is_probed_by_jobs_and_closes_when_they_work() -> None:
    world = World()
    deaf(world, 11)
    for number in range(10):
        spoke(await world.run(text=f"Line number {number}."))
    world.seconds += 5
    assert spoke(await world.run(text="A probe that fails.")).fallback
    assert spoke(await world.run(text="Nobody asks.")).attempts[0].calls == 0
    world.seconds += 5
    for number in range(3):
        assert not spoke(await world.run(text=f"Probe number {number}.")).fallback
    assert world.count("tts_circuit_state", voice_model=CHIRP) == 0


@pytest.mark.parametrize("failure", ["INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"])
async def test_bad_text_and_quota_open_no_circuit(failure: str) -> None:
    world = World()
    for number in range(30):
        world.google.fails[CHIRP] = [failure]
        world.seconds += 32
        spoke(await world.run(text=f"Line number {number}."))
    assert world.google.calls.count(CHIRP) == 30


async def test_chirp_denied_alone_opens_its_circuit_at_once_but_not_for_a_voice_that_a_job_forces() -> None:
    world = World()
    world.google.fails[CHIRP] = [DENIED, DENIED]
    failed(await world.run(voice="en-US-Chirp3-HD-Kore"))
    assert world.count("tts_circuit_state", voice_model=CHIRP) == 0
    spoke(await world.run())
    assert world.count("tts_circuit_state", voice_model=CHIRP) == 2
    assert spoke(await world.run(text="Another line.")).attempts[0].failure_class is FailureClass.CIRCUIT_OPEN


async def test_who_has_no_fallback_or_asks_for_chirp_asks_it_whatever_its_circuit_is() -> None:
    world = World()
    world.google.fails[CHIRP] = [DENIED]
    spoke(await world.run())
    assert spoke(await world.run(voice="chirp3-hd", text="Another line.")).voice_model is CHIRP
    world.rollout.adopt(replace(ALL, fallback=False))
    assert spoke(await world.run(text="And another.")).voice_model is CHIRP
    assert world.count("tts_circuit_state", voice_model=CHIRP) == 2, "it is no probe before the cool-down"


async def test_a_stored_chirp_take_answers_whatever_circuit_and_quota_say() -> None:
    world = World(quota=ONE_A_MINUTE)
    spoke(await world.run())
    world.google.fails[CHIRP] = [DENIED]
    world.seconds += 61
    spoke(await world.run(text="Another line."))
    again = spoke(await world.run())
    assert (again.audio.cached, again.voice_model, again.attempts) == (True, CHIRP, ())


async def test_other_failures_fall_back_in_batch_as_in_dialogue_and_quota_of_the_fallback_waits() -> None:
    world = World()
    world.google.fails = defaultdict(list, {CHIRP: ["DEADLINE_EXCEEDED"], WAVENET: ["RESOURCE_EXHAUSTED"]})
    completion = spoke(await world.run(Lane.BATCH))
    assert completion.fallback
    assert world.waits == pytest.approx([1])
    assert world.counted() == {"chirp3-hd error": 1, "wavenet success": 1, "fallback": 1}


async def test_quota_of_both_in_dialogue_waits_for_nothing() -> None:
    world = World()
    world.google.fails = defaultdict(list, {CHIRP: ["RESOURCE_EXHAUSTED"], WAVENET: ["RESOURCE_EXHAUSTED"]})
    completion = failed(await world.run(), retryable=True)
    assert completion.error.failure_class == FailureClass.QUOTA
    assert world.waits == []


@pytest.mark.parametrize(
    ("voice", "name", "model"),
    [
        ("wavenet", "en-US-Wavenet-I", WAVENET),
        ("chirp3-hd", "en-US-Chirp3-HD-Puck", CHIRP),
        ("en-US-Wavenet-B", "en-US-Wavenet-B", WAVENET),
        ("en-US-Chirp3-HD-Kore", "en-US-Chirp3-HD-Kore", CHIRP),
    ],
)
async def test_a_forced_voice_speaks_whatever_the_rollout_says(voice: str, name: str, model: VoiceModel) -> None:
    for state in (ALL, RolloutState(enabled=False, percentage=0, characters=frozenset())):
        completion = spoke(await World(state).run(voice=voice))
        assert (completion.voice, completion.voice_model) == (name, model)
        assert completion.decision.reason is DecisionReason.FORCED
        assert completion.fallback is False


async def test_the_hand_brake_wins_over_a_forced_chirp_voice() -> None:
    world = World(RolloutState(enabled=False, percentage=FULL_PERCENTAGE, characters=None, braked=True))
    completion = spoke(await world.run(voice="en-US-Chirp3-HD-Kore"))
    assert (completion.voice, completion.decision.reason) == ("en-US-Wavenet-I", DecisionReason.BRAKED)
    assert world.google.calls == [WAVENET]


async def test_a_forced_chirp_voice_that_fails_falls_back_to_the_characters_wavenet() -> None:
    world = World()
    world.google.fails[CHIRP] = ["DEADLINE_EXCEEDED"]
    completion = spoke(await world.run(voice="en-US-Chirp3-HD-Kore"))
    assert (completion.voice, completion.fallback) == ("en-US-Wavenet-I", True)


@pytest.mark.parametrize("voice", ["chirp3-hd", "en-US-Chirp3-HD-Kore", "en-US-Wavenet-B", "wavenet"])
async def test_a_forced_voice_that_alone_is_denied_makes_a_dead_letter_and_no_fallback(voice: str) -> None:
    world = World()
    world.google.fails = defaultdict(list, {CHIRP: [DENIED], WAVENET: [DENIED]})
    completion = failed(await world.run(voice=voice))
    assert (completion.error.failure_class, completion.error.code) == ("denied", DENIED)
    assert len(completion.attempts) == world.probes == 1
    assert "fallback" not in world.counted()
    assert world.watch.is_up


async def test_chirp_denied_alone_falls_back_and_asks_for_no_probe() -> None:
    world = World()
    world.google.fails[CHIRP] = [DENIED]
    assert spoke(await world.run()).fallback
    assert world.probes == 0
    assert world.watch.is_up


async def test_when_wavenet_is_denied_too_the_job_waits_until_it_is_allowed_and_then_speaks() -> None:
    world = World(probe=[DENIED, DENIED, None])
    world.google.fails = defaultdict(list, {CHIRP: [DENIED], WAVENET: [DENIED]})
    completion = spoke(await world.run())
    assert (completion.voice_model, completion.fallback) == (WAVENET, True)
    assert [a.result for a in completion.attempts] == [AttemptResult.ERROR, AttemptResult.ERROR, AttemptResult.SUCCESS]
    assert world.probes == 3
    assert world.counted() == {"chirp3-hd error": 1, "wavenet error": 1, "wavenet success": 1, "fallback": 1}


async def test_a_forced_voice_is_tried_anew_when_all_was_denied() -> None:
    world = World(probe=[DENIED, None])
    world.google.fails[CHIRP] = [DENIED]
    completion = spoke(await world.run(voice="en-US-Chirp3-HD-Kore"))
    assert (completion.voice, completion.fallback) == ("en-US-Chirp3-HD-Kore", False)


async def test_with_fallback_off_bad_credentials_keep_the_jobs_too() -> None:
    state = RolloutState(enabled=True, percentage=FULL_PERCENTAGE, characters=None, fallback=False)
    world = World(state, probe=["UNAUTHENTICATED", None])
    world.google.fails[CHIRP] = ["UNAUTHENTICATED"]
    assert spoke(await world.run()).voice_model is CHIRP
    world = World(state)
    world.google.fails[CHIRP] = [DENIED]
    assert failed(await world.run()).error.failure_class == "denied"


async def test_a_language_without_chirp_is_wavenet_by_decision() -> None:
    completion = spoke(await World().run(language="cmn-TW", text="歡迎來到避難所"))
    assert (completion.voice, completion.fallback) == ("cmn-TW-Wavenet-B", False)
    assert completion.decision.reason is DecisionReason.LANGUAGE


async def test_what_the_catalogue_does_not_have_is_an_invalid_job() -> None:
    with pytest.raises(InvalidJobError, match="character"):
        await World().run(character="nobody")


async def handled(world: World, value: bytes | None, lane: Lane = Lane.DIALOGUE) -> Outcome:
    record = Record(lane, "tts.dialogue", 0, 0, b"k", value, timestamp_ms=int(NOW.timestamp() * 1000) - 1500)
    outcome = await world.handler.handle(read_job(record, datetime.now(UTC)), world.waiting)
    if outcome.completion is not None:
        outcome.completion.model_dump_json().encode()
    return outcome


@pytest.mark.parametrize(
    ("value", "field", "job_id"),
    [
        (None, "record", None),
        (b"\xff", "record", None),
        (b"[" * 100_000, "record", None),
        (b'{"job_id":"../x","character":"pip_boy","text":"hi"}', "job_id", None),
        (b'{"job_id":"a\\n","character":"pip_boy","text":"hi"}', "job_id", None),
        (b'{"job_id":"a","character":"../x","text":"hi"}', "character", "a"),
        (b'{"job_id":"a","character":"pip_boy","text":"\\ud800"}', "text", "a"),
        (b'{"job_id":"a","character":"pip_boy","text":"hi","labels":{"\\ud800":""}}', "labels", "a"),
        (b'{"job_id":"a","character":"pip_boy","text":"hi","language":"de-DE"}', "language", "a"),
        (b'{"job_id":"a","character":"pip_boy","text":"hi","voice":"\\u2028"}', "voice", "a"),
    ],
)
async def test_a_bad_record_is_a_dead_letter_that_names_the_field_and_a_completion_if_it_has_an_id(
    value: bytes | None, field: str, job_id: str | None
) -> None:
    world = World()
    outcome = await handled(world, value)
    assert outcome.dead_letter is not None
    assert outcome.dead_letter.failure_class == "bad_input"
    assert (outcome.dead_letter.field or "").split(".")[0] == field
    assert (outcome.completion.job_id if outcome.completion else None) == job_id
    assert world.count("tts_jobs_total", outcome="rejected", lane="dialogue") == 1
    assert not world.google.calls
    assert not world.shelf.looked_up


async def test_a_good_record_is_handled_and_its_wait_is_told() -> None:
    world = World()
    completion = spoke(await handled(world, job(audio=WAV).model_dump_json(exclude_none=True).encode()))
    assert completion.timings.wait == pytest.approx(1.5)
    assert world.count("tts_jobs_total", outcome="done") == 1
    assert world.count("tts_job_duration_seconds_count", stage="total", lane="dialogue") == 1


async def test_a_fault_of_ours_ends_one_job_and_not_the_worker() -> None:
    world = World()

    async def broken(_key: str) -> None:
        raise RuntimeError("\ud800 oh")

    world.shelf.look_up = broken  # type: ignore[method-assign,assignment]
    outcome = await handled(world, job().model_dump_json(exclude_none=True).encode())
    assert outcome.dead_letter is not None
    assert (outcome.dead_letter.failure_class, outcome.dead_letter.code) == ("internal", "RuntimeError")
    assert outcome.completion is not None
    assert outcome.completion.status is JobStatus.FAILED


async def test_a_change_of_the_rollout_takes_effect_between_two_jobs_and_never_within_one() -> None:
    world = World()
    speaks = world.google.synthesize

    async def changed_meanwhile(*given: Any) -> bytes:
        world.rollout.adopt(RolloutState(enabled=True, percentage=0, characters=None, fallback=False, revision=2))
        return await speaks(*given)

    world.google.synthesize = changed_meanwhile  # type: ignore[method-assign]
    world.google.fails[CHIRP] = ["UNAVAILABLE"] * 2
    first = spoke(await world.run())
    assert (first.decision.revision, first.decision.reason, first.fallback) == (0, DecisionReason.IN_ROLLOUT, True)
    second = spoke(await world.run(text="Another line."))
    assert (second.decision.revision, second.decision.reason) == (2, DecisionReason.OUTSIDE)


async def test_a_quarantine_ends_by_the_pipelines_own_clock() -> None:
    world = World(replace(ALL, quarantined={"pip_boy": NOW + timedelta(seconds=60)}))
    assert spoke(await world.run()).decision.reason is DecisionReason.EXCLUDED
    world.seconds = 60
    assert spoke(await world.run(text="Another line.")).decision.reason is DecisionReason.IN_ROLLOUT


# A deadline that is near


def learned(world: World, *, chirp_s: float = 3.0, wavenet_s: float = 0.5) -> None:
    for _ in range(6):
        world.latency.observe(CHIRP, 20, chirp_s)
        world.latency.observe(WAVENET, 20, wavenet_s)


def in_seconds(world: World, seconds: float) -> str:
    return (world.clock.now() + timedelta(seconds=seconds)).isoformat()


async def test_a_dialogue_job_that_chirp_would_answer_too_late_is_answered_by_wavenet_and_counts_against_nobody() -> (
    None
):
    world = World()
    learned(world)
    completion = spoke(await world.run(deadline=in_seconds(world, 1.0)))
    assert (completion.voice_model, completion.fallback, completion.decision.voice_model) == (WAVENET, True, CHIRP)
    assert [each.voice_model for each in completion.attempts] == [WAVENET]
    assert world.counted() == {"wavenet success": 1}
    assert world.count("tts_chirp3_early_fallback_total") == 1


@pytest.mark.parametrize(
    ("lane", "seconds", "changes"),
    [(Lane.DIALOGUE, 5.0, {}), (Lane.BATCH, 1.0, {}), (Lane.DIALOGUE, 1.0, {"voice": "chirp3-hd"})],
)
async def test_with_time_enough_in_the_batch_lane_or_with_a_voice_that_is_asked_for_chirp_answers(
    lane: Lane, seconds: float, changes: dict[str, Any]
) -> None:
    world = World()
    learned(world)
    completion = spoke(await world.run(lane, deadline=in_seconds(world, seconds), **changes))
    assert (completion.voice_model, completion.fallback) == (CHIRP, False)


async def test_a_stored_take_of_chirps_answers_however_near_the_deadline_is() -> None:
    world = World()
    spoke(await world.run())
    learned(world)
    completion = spoke(await world.run(deadline=in_seconds(world, 0.1)))
    assert (completion.voice_model, completion.audio.cached) == (CHIRP, True)


async def test_a_line_that_would_be_late_and_cannot_be_looked_up_fails_by_the_store_and_may_be_tried_again() -> None:
    world = World()
    learned(world, chirp_s=30.0)
    world.shelf.fails["look_up"] = [StorageUnavailableError("no answer")] * 3
    completion = failed(await world.run(deadline=in_seconds(world, 10.0)), retryable=True)
    assert (completion.error.failure_class, completion.error.code) == ("storage", "UNAVAILABLE")


async def test_where_wavenet_is_no_faster_only_its_stored_take_answers_early() -> None:
    world = World()
    learned(world, wavenet_s=4.0)
    completion = spoke(await world.run(deadline=in_seconds(world, 1.0)))
    assert completion.voice_model is CHIRP, "late, but sooner than WaveNet"
    world = World()
    world.google.fails[CHIRP] = ["DEADLINE_EXCEEDED"]
    assert spoke(await world.run()).voice_model is WAVENET
    learned(world, wavenet_s=4.0)
    completion = spoke(await world.run(deadline=in_seconds(world, 1.0)))
    assert (completion.voice_model, completion.audio.cached, completion.attempts) == (WAVENET, True, ())
