"""Jobs that ask for the same take at once: one call, one object, a completion each; and how that is counted."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from schemas.enums import AttemptResult, JobStatus, Lane
from tests.unit.makers import CHIRP, WAVENET, job
from tests.unit.world import NOW, WAV, World, failed, spoke
from tests.until import loop_until
from worker.storage.errors import StorageUnavailableError


def same(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [{"job_id": f"job-{number}", **changes} for number in range(count)]


def hold_calls(world: World) -> tuple[list[Any], asyncio.Event]:
    """Google's calls, which are answered once the event is set."""
    called: list[Any] = []
    speaks, hold = world.google.synthesize, asyncio.Event()

    async def held(*given: Any) -> bytes:
        called.append(given)
        await hold.wait()
        return await speaks(*given)

    world.google.synthesize = held  # type: ignore[method-assign]
    return called, hold


async def test_a_hundred_jobs_for_the_same_line_at_once_cost_one_call_and_have_one_sound() -> None:
    world = World()
    completions = [spoke(outcome) for outcome in await world.run_all(*same(100))]
    assert world.google.calls == [CHIRP]
    assert (len(world.shelf.takes), world.shelf.tries) == (1, ["look_up", "store"])
    assert len({completion.audio.sha256 for completion in completions}) == 1
    assert sorted(completion.audio.cached for completion in completions) == [False, *[True] * 99]
    assert [len(completion.attempts) for completion in completions] == [1, *[0] * 99]
    assert world.counted() == {"chirp3-hd success": 1}
    assert world.count("tts_cache_requests_total", result="hit") == 99
    assert world.count("tts_cache_requests_total", result="miss") == 1
    assert completions[1].timings.look_up == 3.0


async def test_a_dialogue_job_does_not_wait_with_a_batch_job_for_quota_and_both_have_one_sound() -> None:
    world = World()
    outcomes = await asyncio.gather(
        *(world.pipeline.run(job(audio=WAV), lane, 0.0, world.waiting) for lane in (Lane.BATCH, Lane.DIALOGUE))
    )
    assert world.google.calls == [CHIRP, CHIRP]
    assert len(world.shelf.takes) == len({spoke(outcome).audio.sha256 for outcome in outcomes}) == 1


async def test_a_failure_that_is_shared_is_counted_once_and_told_to_each_by_the_same_id() -> None:
    world = World()
    world.google.fails[CHIRP] = ["DEADLINE_EXCEEDED"]
    completions = [spoke(outcome) for outcome in await world.run_all(*same(10))]
    assert world.google.calls == [CHIRP, WAVENET]
    assert all(completion.fallback for completion in completions)
    assert len({completion.audio.sha256 for completion in completions}) == 1
    assert len({completion.attempts[0].id for completion in completions}) == 1
    assert all(completion.attempts[0].falls_back for completion in completions)
    assert [len(completion.attempts) for completion in completions] == [2, *[1] * 9]
    assert world.counted() == {"chirp3-hd error": 1, "wavenet success": 1, "fallback": 1}


async def test_bad_luck_costs_two_attempts_in_all_and_then_all_fall_back() -> None:
    world = World()
    world.google.fails[CHIRP] = [b""] * 9
    completions = [spoke(outcome) for outcome in await world.run_all(*same(10))]
    assert sorted(world.google.calls) == [CHIRP, CHIRP, WAVENET]
    assert all(completion.fallback for completion in completions)
    assert world.counted() == {"chirp3-hd error": 2, "wavenet success": 1, "fallback": 2}


async def test_after_one_calls_bad_luck_the_others_still_have_the_voice_that_was_decided() -> None:
    world = World()
    world.google.fails[CHIRP] = [b""]
    completions = [spoke(outcome) for outcome in await world.run_all(*same(5))]
    assert [completion.voice_model for completion in completions] == [WAVENET, *[CHIRP] * 4]
    assert world.google.calls.count(CHIRP) == 2


async def test_a_stored_wavenet_take_answers_all_that_fall_back_without_a_call() -> None:
    world = World()
    world.google.fails[CHIRP] = ["DEADLINE_EXCEEDED"] * 2
    spoke(await world.run())
    world.google.calls.clear()
    completions = [spoke(outcome) for outcome in await world.run_all(*same(5))]
    assert world.google.calls == [CHIRP]
    assert all(completion.fallback and completion.audio.cached for completion in completions)
    assert [completion.attempts[-1].result for completion in completions] == [AttemptResult.ERROR] * 5
    assert world.counted() == {"chirp3-hd error": 2, "wavenet success": 1, "fallback": 2}


async def test_of_batch_jobs_that_meet_the_quota_one_waits_and_all_share_the_take() -> None:
    world = World()
    world.google.fails[CHIRP] = ["RESOURCE_EXHAUSTED"]
    completions = [spoke(outcome) for outcome in await world.run_all(*same(10), lane=Lane.BATCH)]
    assert world.google.calls == [CHIRP, CHIRP]
    assert len(world.waits) == 10, "one for quota, the others for it"
    assert sum(len(completion.attempts) for completion in completions) == 1
    assert world.counted() == {"chirp3-hd success": 1}


async def test_when_both_voice_models_fail_all_fail_and_each_may_be_tried_again() -> None:
    world = World()
    world.google.fails = defaultdict(list, {CHIRP: ["DEADLINE_EXCEEDED"], WAVENET: ["DEADLINE_EXCEEDED"]})
    for outcome in await world.run_all(*same(10)):
        completion = failed(outcome, retryable=True)
        assert [attempt.voice_model for attempt in completion.attempts] == [CHIRP, WAVENET]
    assert world.google.calls == [CHIRP, WAVENET]
    assert world.counted() == {"chirp3-hd error": 1, "wavenet error": 1, "fallback": 1}


async def test_an_upload_that_fails_is_everybodys_and_is_not_paid_for_again() -> None:
    world = World()
    world.shelf.fails["store"] = [StorageUnavailableError("no")] * 3
    for outcome in await world.run_all(*same(10)):
        assert failed(outcome, retryable=True).error.failure_class == "storage"
    assert world.google.calls == [CHIRP]


async def test_a_job_that_waits_for_another_expires_at_its_own_deadline() -> None:
    world = World()
    called, hold = hold_calls(world)
    maker = asyncio.create_task(world.run())
    await loop_until(lambda: called)
    soon = (NOW + timedelta(seconds=0.05)).isoformat()
    waiting = await world.pipeline.run(job(audio=WAV, deadline=soon), Lane.DIALOGUE, 0.0, world.waiting)
    assert waiting.completion is not None
    assert waiting.completion.status is JobStatus.EXPIRED
    hold.set()
    spoke(await maker)


@pytest.mark.parametrize("cancelled", [0, 1])
async def test_whoever_is_handed_back_the_other_is_answered(cancelled: int) -> None:
    world = World()
    called, hold = hold_calls(world)
    waiting: list[int] = []

    @contextmanager
    def wait() -> Iterator[None]:
        waiting.append(1)
        yield

    jobs = [asyncio.create_task(world.pipeline.run(job(audio=WAV), Lane.BATCH, 0.0, wait)) for _ in range(2)]
    await loop_until(lambda: called and waiting)
    jobs[cancelled].cancel()
    await asyncio.wait([jobs[cancelled]])
    hold.set()
    completion = spoke(await jobs[1 - cancelled])
    assert (completion.audio.cached, len(completion.attempts)) == (False, 1)
    assert world.google.calls == [CHIRP]
