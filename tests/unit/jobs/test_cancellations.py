"""Which jobs are cancelled: those enqueued before, the newest within a bound; and what a worker then does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.cancellation import Cancellation, new_cancellation
from schemas.enums import JobStatus, Lane
from tests.unit.makers import CHIRP, WAVENET
from tests.unit.world import NOW, WAV, World, spoke
from worker.jobs.cancellations import Cancellations
from worker.jobs.outcome import Outcome
from worker.speech.limits.rate_limit import RateLimitRules


def cancelled(job_id: str = "job-1", after_s: float = 0.0) -> Cancellation:
    return new_cancellation(job_id, "c-1", "/clients/game", NOW + timedelta(seconds=after_s))


def noted(*cancellations: Cancellation, most: int = 10) -> Cancellations:
    known = Cancellations(most)
    for each in cancellations:
        known.note(each)
    return known


@pytest.mark.parametrize(
    ("enqueued_after", "found"),
    [
        (-timedelta(days=7), True),
        (timedelta(), True),
        (timedelta(seconds=60), True),
        (timedelta(seconds=60, microseconds=1), False),
    ],
)
def test_a_job_is_cancelled_unless_it_was_enqueued_so_much_later_that_it_is_another(
    enqueued_after: timedelta, found: bool
) -> None:
    assert noted(cancelled()).find("job-1", NOW + enqueued_after) == (NOW if found else None)
    assert noted(cancelled()).find("job-2", NOW + enqueued_after) is None


@given(st.permutations(range(4)))
def test_of_a_jobs_cancellations_the_latest_counts_in_whatever_order_they_are_read(order: list[int]) -> None:
    known = noted(*(cancelled(after_s=60.0 * number) for number in order))
    assert (known.find("job-1", NOW), len(known)) == (NOW + timedelta(minutes=3), 1)


@given(st.lists(st.integers(0, 9)), st.integers(1, 5))
def test_the_jobs_that_were_cancelled_last_are_known_and_no_more_than_the_bound(numbers: list[int], most: int) -> None:
    known = noted(*(cancelled(str(number)) for number in numbers), most=most)
    latest = list(dict.fromkeys(reversed(numbers)))
    assert {number for number in range(10) if known.find(str(number), NOW)} == set(latest[:most])
    assert len(known) == min(most, len(latest))


def ended(outcome: Outcome) -> Any:
    assert outcome.completion is not None
    return outcome.completion


@pytest.mark.parametrize("lane", Lane)
async def test_a_cancelled_job_ends_as_that_with_nothing_looked_up_made_or_paid(lane: Lane) -> None:
    world = World()
    world.cancellations.note(cancelled())
    outcome = await world.run(lane, labels={"scene": "1"})
    completion = ended(outcome)
    assert (completion.status, completion.audio, completion.attempts) == (JobStatus.CANCELLED, None, ())
    assert (completion.error.failure_class, completion.error.code) == ("cancelled", "CANCELLED")
    assert completion.error.message == f"it was cancelled at {NOW.isoformat()}"
    assert (completion.labels, completion.lane) == ({"scene": "1"}, lane)
    assert (outcome.dead_letter, outcome.retryable) == (None, False)
    assert (world.google.calls, world.shelf.looked_up, world.counted()) == ([], [], {})


async def test_a_cancelled_job_is_cancelled_also_after_its_deadline() -> None:
    world = World()
    world.cancellations.note(cancelled())
    completion = ended(await world.run(deadline=(NOW - timedelta(seconds=1)).isoformat()))
    assert completion.status is JobStatus.CANCELLED


def cancel_while_it_waits(world: World, job_id: str) -> None:
    waits = world.waiting

    def cancel_and_wait() -> Any:
        world.cancellations.note(cancelled(job_id))
        return waits()

    world.waiting = cancel_and_wait  # type: ignore[method-assign]


async def test_a_job_that_is_cancelled_while_it_waits_for_quota_makes_no_request_and_gives_its_quota_to_the_next() -> (
    None
):
    world = World(quota=RateLimitRules({CHIRP: 1, WAVENET: 1}, 0, 0.0))
    cancel_while_it_waits(world, "b")
    jobs = [{"job_id": name, "text": f"Line {name}.", "audio": WAV} for name in ("a", "b", "c")]
    first, second, third = [ended(each) for each in await world.run_all(*jobs, lane=Lane.BATCH)]
    assert [each.status for each in (first, second, third)] == [JobStatus.DONE, JobStatus.CANCELLED, JobStatus.DONE]
    assert second.timings.quota > 0
    assert world.google.calls == [CHIRP, CHIRP]
    assert third.timings.quota < 100


async def test_what_has_been_asked_of_google_goes_on_as_if_nobody_had_cancelled_it() -> None:
    world = World()
    world.google.fails[CHIRP] = ["INTERNAL"] * 2
    synthesize = world.google.synthesize

    async def cancel_meanwhile(*arguments: Any) -> bytes:
        world.cancellations.note(cancelled())
        return await synthesize(*arguments)

    world.google.synthesize = cancel_meanwhile  # type: ignore[method-assign]
    assert spoke(await world.run()).fallback


async def test_who_waits_for_a_cancelled_jobs_take_makes_it() -> None:
    world = World(quota=RateLimitRules({CHIRP: 1, WAVENET: 1}, 0, 0.0))
    cancel_while_it_waits(world, "b")
    jobs = [{"job_id": name, "text": f"Line {name[0]}.", "audio": WAV} for name in ("a", "b", "b-too")]
    _, second, third = [ended(each) for each in await world.run_all(*jobs, lane=Lane.BATCH)]
    assert (second.status, third.status) == (JobStatus.CANCELLED, JobStatus.DONE)
    assert len(world.google.calls) == 2
