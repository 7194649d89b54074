"""What the controller reads for a plan, and where each message goes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.attempts import BEGAN, MINUTE, attempt
from tests.unit.opinions import feedback, vote
from tests.unit.rollout.analysis.test_stage_evaluation import plan_of
from worker.rollout.controller.evidence import Evidence
from worker.rollout.controller.workers_seen import WorkersSeen

COMPLAINTS = {"at_once": [{"measure": "complaint_rate", "limit": 0.1}]}
PREFERENCE = [{"measure": "preference", "dry_run": True}]


def evidence(**fields: Any) -> Evidence:
    return Evidence(plan_of(**fields), WorkersSeen())


@pytest.mark.parametrize(
    ("fields", "feedback_is_read", "votes_are_read"),
    [
        ({}, False, False),
        ({"roll_back": COMPLAINTS}, True, False),
        ({"roll_back": {"character": [{"measure": "complaints_against_control"}]}}, True, False),
        ({"gates": PREFERENCE}, False, True),
        ({"gates": PREFERENCE, "roll_back": COMPLAINTS}, True, True),
    ],
)
def test_a_plan_reads_what_its_gates_and_rules_count(
    fields: dict[str, Any], feedback_is_read: bool, votes_are_read: bool
) -> None:
    found = evidence(**fields)
    assert (found.observers().feedback is not None, found.observers().vote is not None) == (
        feedback_is_read,
        votes_are_read,
    )
    assert bool(found.opinions()["votes"]) is votes_are_read


def test_attempts_reports_and_votes_are_counted() -> None:
    found = evidence(gates=PREFERENCE, roll_back=COMPLAINTS)
    observers = found.observers()
    assert observers.feedback is not None
    assert observers.vote is not None
    observers.attempt(attempt(job_id="job-1"), BEGAN + MINUTE)
    observers.feedback(feedback(job_id="job-1"), BEGAN + 2 * MINUTE)
    observers.feedback(feedback(job_id="job-2"), BEGAN + 2 * MINUTE)
    for _ in range(2):
        observers.vote(vote(1, "equal"))
    found.feedback.settle(BEGAN + 2 * MINUTE)
    assert found.counts.counted == 1
    assert found.opinions() == {
        "feedback": {"counted": 1, "unknown": 1},
        "votes": {"counted": 1, "repeated": 1, "others": 0},
    }


def test_a_plan_without_complaints_keeps_no_completions() -> None:
    found = evidence()
    found.observers().attempt(attempt(job_id="job-1"), BEGAN + MINUTE)
    found.feedback.add(feedback(job_id="job-1"), BEGAN + MINUTE)
    found.feedback.settle(BEGAN + MINUTE)
    assert found.opinions() == {"feedback": {}, "votes": {}}
    assert found.feedback.fates == {"unknown": 1}
