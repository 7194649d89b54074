"""The next take of a line: the same job with the next number, and an id that shows the line it belongs to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import UsageError
from schemas.job import Job
from tests.unit.makers import CHIRP, good_documents, job, rendered_job
from worker.jobs.redo import line_of, next_job
from worker.storage.takes import take_key


def test_the_next_take_is_the_same_job_with_the_next_number_and_its_own_id() -> None:
    rejected = job(job_id="greeting-1", labels={"scene": "1"}, rollout_key="s", reply_topic="studio")
    assert next_job(rejected, []) == rejected.model_copy(update={"job_id": "greeting-1+take2", "take": 2})


def test_the_number_is_above_all_that_are_known_whichever_was_rejected() -> None:
    assert next_job(job(job_id="a"), [1, 2, 3]).take == 4
    assert next_job(job(job_id="a+take2", take=2), [1, 3]).job_id == "a+take4"
    assert next_job(job(job_id="a", take=7), [2]).take == 8


def test_nobody_waits_for_it_until_the_rejected_ones_deadline() -> None:
    assert next_job(job(deadline="2026-01-31T12:00:00Z"), []).deadline is None


def test_a_lines_jobs_are_known_by_their_ids() -> None:
    assert [line_of(each) for each in ("a", "a+take2", "a+take12", "a+take2+take3")] == ["a", "a", "a", "a+take2"]
    assert [line_of(each) for each in ("a+take0", "a+take", "take2", "a+take2b")] == [
        "a+take0",
        "a+take",
        "take2",
        "a+take2b",
    ]


@given(good_documents(), st.lists(st.integers(1, 999_990), max_size=5))
def test_takes_of_a_line_follow_each_other_and_each_is_a_sound_of_its_own(document: dict, takes: list[int]) -> None:
    rejected = Job.model_validate({**document, "job_id": "line", "take": 1})
    known, jobs = set(takes), [rejected]
    for _ in range(3):
        jobs.append(next_job(jobs[-1], known))
        known.add(jobs[-1].take)
    assert len({each.take for each in jobs}) == len({each.job_id for each in jobs}) == 4
    assert {line_of(each.job_id) for each in jobs} == {"line"}
    same = {"job_id", "take", "deadline"}
    assert all(each.model_dump(exclude=same) == rejected.model_dump(exclude=same) for each in jobs)
    line = rendered_job(CHIRP)
    assert len({take_key("takes", "pip_boy", line, each.take) for each in jobs}) == 4


@pytest.mark.parametrize(
    ("rejected", "field"), [(job(job_id="x" * 125), "job_id"), (job(job_id="a", take=1_000_000), "take")]
)
def test_what_would_be_no_job_any_more_is_refused_by_the_field_that_is_too_large(rejected: Job, field: str) -> None:
    with pytest.raises(UsageError, match=rf"^{field}: "):
        next_job(rejected, [])
