"""What a job does while Google or the store is down, or fails it alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import pytest

from schemas.enums import (
    AttemptResult,
    JobStatus,
)
from tests.unit.makers import CHIRP, WAVENET
from tests.unit.world import DENIED, NOW, SOUNDS, World, failed, spoke
from worker.lifecycle.dependency import UNREACHABLE, Outage
from worker.rollout.state import RolloutState
from worker.storage.errors import StorageRefusedError, StorageUnavailableError

AWAY = Outage(UNREACHABLE, "S3: bucket b can't be reached", "connection refused", "check it")
DOWN = StorageUnavailableError("connection refused")
NO = StorageRefusedError("403")


async def test_a_look_up_that_fails_three_times_while_the_store_answers_others_ends_the_job_unpaid() -> None:
    world = World()
    world.shelf.fails["look_up"] = [DOWN] * 3
    completion = failed(await world.run(), retryable=True)
    assert (completion.error.failure_class, completion.error.code) == ("storage", "UNAVAILABLE")
    assert (world.google.calls, completion.attempts) == ([], ())
    assert [0.1 <= first <= 0.2 and 0.5 <= second <= 1 for first, second in [world.slept]] == [True]


async def test_an_upload_that_fails_three_times_while_the_store_answers_others_still_tells_the_attempt() -> None:
    world = World()
    world.shelf.fails["store"] = [DOWN] * 3
    completion = failed(await world.run(), retryable=True)
    assert completion.error.failure_class == "storage"
    assert [a.result for a in completion.attempts] == [AttemptResult.SUCCESS]
    assert world.counted() == {"chirp3-hd success": 1}
    assert completion.timings.store == pytest.approx(sum(world.slept))


@pytest.mark.parametrize("step", ["look_up", "store"])
async def test_a_step_at_the_store_that_fails_twice_works_the_third_time(step: str) -> None:
    world = World()
    world.shelf.fails[step] = [DOWN] * 2
    completion = spoke(await world.run())
    assert (len(completion.attempts), world.google.calls) == (1, [CHIRP])
    assert world.shelf.tries.count(step) == 3
    assert world.count("tts_cache_requests_total") == 1


async def test_a_job_that_meets_a_dead_store_waits_before_google_is_paid_and_is_then_done() -> None:
    world = World(bucket=[AWAY, AWAY, None])
    world.shelf.fails["look_up"] = [DOWN]
    completion = spoke(await world.run())
    assert (world.shelf.tries, world.google.calls) == (["look_up", "look_up", "store"], [CHIRP])
    assert completion.timings.look_up == pytest.approx(sum(world.slept))
    assert world.s3.is_up


async def test_audio_that_is_paid_for_waits_for_the_store_and_is_made_counted_and_looked_up_once() -> None:
    world = World(bucket=[AWAY, AWAY, None])
    # The first request after the outage fails once more.
    world.shelf.fails["store"] = [DOWN, DOWN]
    completion = spoke(await world.run())
    assert world.shelf.tries == ["look_up", "store", "store", "store"]
    assert (world.google.calls, len(completion.attempts)) == ([CHIRP], 1)
    assert world.counted() == {"chirp3-hd success": 1}
    assert world.count("tts_cache_requests_total") == 1


async def test_audio_that_waits_is_stored_even_when_the_deadline_has_passed_meanwhile() -> None:
    world = World(bucket=[AWAY, AWAY, None])
    world.shelf.fails["store"] = [DOWN]
    spoke(await world.run(deadline=(NOW + timedelta(seconds=5)).isoformat()))
    assert world.seconds > 5


async def test_a_job_whose_deadline_passes_while_it_waits_for_the_store_is_expired_unpaid() -> None:
    world = World(bucket=[AWAY, AWAY, None])
    world.shelf.fails["look_up"] = [DOWN]
    outcome = await world.run(deadline=(NOW + timedelta(seconds=5)).isoformat())
    assert outcome.completion is not None
    assert outcome.completion.status is JobStatus.EXPIRED
    assert not outcome.retryable
    assert world.google.calls == []


async def test_more_audio_than_may_wait_is_let_go_and_its_job_may_be_tried_again() -> None:
    room_for_two = 2 * len(SOUNDS[CHIRP]) + 1
    world = World(bucket=[AWAY, None], kept_bytes=room_for_two)
    for round_number in range(2):
        world.bucket = [AWAY, None]
        world.shelf.fails["store"] = [DOWN] * 4
        outcomes = await world.run_all(*({"text": f"Line {number} of round {round_number}."} for number in range(4)))
        ended = [outcome.completion.status for outcome in outcomes if outcome.completion]
        assert (ended.count(JobStatus.DONE), ended.count(JobStatus.FAILED)) == (2, 2), "the room is given back"
        for outcome in outcomes:
            if outcome.completion and outcome.completion.error:
                assert "KEPT_AUDIO_MB" in failed(outcome, retryable=True).error.message
        assert len(world.google.calls) == 4 * (round_number + 1)


async def test_what_the_store_refuses_of_one_job_alone_three_times_ends_that_job_for_good() -> None:
    world = World()
    world.shelf.fails["look_up"] = [NO] * 3
    completion = failed(await world.run())
    assert (completion.error.failure_class, completion.error.code) == ("storage", "REFUSED")
    assert (world.shelf.tries, world.google.calls) == (["look_up"] * 3, [])


async def test_keys_that_are_revoked_close_the_gate_and_lose_no_audio() -> None:
    refused = Outage("refused", "S3: bucket b is refused", "403", "check the keys")
    world = World(bucket=[refused, refused, None])
    world.shelf.fails["store"] = [NO]
    completion = spoke(await world.run())
    assert (world.google.calls, len(completion.attempts)) == ([CHIRP], 1)


@pytest.mark.parametrize(
    ("failure", "retryable"),
    [("DEADLINE_EXCEEDED", True), ("UNAVAILABLE", True), ("INVALID_ARGUMENT", False), (b"", True), (DENIED, False),
     ("RESOURCE_EXHAUSTED", True)],
)  # fmt: skip
async def test_an_outcome_says_whether_trying_later_may_help_and_until_when(
    failure: str | bytes, retryable: bool
) -> None:
    world = World()
    world.google.fails = defaultdict(list, {CHIRP: ["DEADLINE_EXCEEDED"], WAVENET: [failure] * 2})
    deadline = NOW + timedelta(hours=1)
    outcome = await world.run(deadline=deadline.isoformat())
    failed(outcome, retryable=retryable)
    assert outcome.deadline == deadline


async def test_a_failure_that_is_the_jobs_own_costs_one_probe_and_closes_no_gate() -> None:
    world = World(RolloutState(enabled=False, percentage=0, characters=None))
    world.google.fails[WAVENET] = ["DEADLINE_EXCEEDED"] * 8
    for outcome in await world.run_all(*({"text": f"Line {number}."} for number in range(8))):
        failed(outcome, retryable=True)
    assert world.probes == 1
    assert world.watch.is_up


async def test_when_google_is_down_the_job_waits_and_then_starts_anew_with_the_voice_model_decided() -> None:
    world = World(probe=["UNAVAILABLE", "UNAVAILABLE", "DEADLINE_EXCEEDED", None])
    world.google.fails = defaultdict(list, {CHIRP: ["UNAVAILABLE"] * 2, WAVENET: ["UNAVAILABLE"] * 2})
    completion = spoke(await world.run())
    assert (completion.voice_model, completion.fallback) == (CHIRP, False)
    assert [a.result for a in completion.attempts] == [AttemptResult.ERROR, AttemptResult.ERROR, AttemptResult.SUCCESS]
    assert world.counted() == {"chirp3-hd error": 1, "chirp3-hd success": 1, "wavenet error": 1, "fallback": 1}
    assert world.watch.is_up


async def test_a_forced_voice_is_the_same_after_an_outage() -> None:
    world = World(probe=["DEADLINE_EXCEEDED", None])
    world.google.fails = defaultdict(list, {CHIRP: ["DEADLINE_EXCEEDED"], WAVENET: ["DEADLINE_EXCEEDED"]})
    assert spoke(await world.run(voice="en-US-Chirp3-HD-Kore")).voice == "en-US-Chirp3-HD-Kore"


async def test_a_job_whose_deadline_passes_while_google_is_down_is_expired() -> None:
    world = World(RolloutState(enabled=False, percentage=0, characters=None), probe=["DEADLINE_EXCEEDED", None])
    world.google.fails[WAVENET] = ["DEADLINE_EXCEEDED"]
    outcome = await world.run(deadline=(NOW + timedelta(seconds=2)).isoformat())
    assert outcome.completion is not None
    assert outcome.completion.status is JobStatus.EXPIRED
    assert len(outcome.completion.attempts) == 1


async def test_a_job_that_got_its_permit_while_nothing_can_be_stored_pays_only_when_it_can() -> None:
    world = World(bucket=[AWAY, AWAY, None])
    world.s3.mark_down(AWAY)
    completion = spoke(await world.run())
    assert (world.google.calls, completion.status) == ([CHIRP], JobStatus.DONE)
    assert world.probes_of_s3.requested == ["look_up"] * 3


async def test_a_refused_upload_is_probed_by_an_upload_and_a_failed_look_up_by_a_look_up() -> None:
    world = World()
    world.uploads = [Outage("full", "S3: bucket b is full", "403", "make room"), None]
    world.shelf.fails["look_up"] = [DOWN]
    world.shelf.fails["store"] = [NO]
    spoke(await world.run())
    assert world.probes_of_s3.requested == ["look_up", "upload", "upload"]
    assert (world.google.calls, world.shelf.tries) == ([CHIRP], ["look_up", "look_up", "store", "store"])
