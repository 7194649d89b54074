"""The quota and budget of the next stage."""

from datetime import timedelta

import pytest

from schemas.enums import DecisionReason
from tests.unit.attempts import CONTROL, MINUTE, WINDOW, attempt, measure
from tests.unit.rollout.analysis.test_stage_evaluation import plan_of
from worker.rollout.analysis.projection import evaluate_next_stage
from worker.rollout.analysis.verdict import Status

PLAN = plan_of(limits={"dollars_a_month": 100})


def test_the_last_stage_has_no_next_stage_to_evaluate():
    assert list(evaluate_next_stage(measure(attempt()), PLAN, PLAN.stages[-1])) == []


def test_before_anything_was_measured_the_budget_holds():
    quota, budget = evaluate_next_stage(measure(until=timedelta(0)), PLAN, PLAN.stages[0])
    assert (quota.status, budget.status) == (Status.PASS, Status.HOLD)


def test_without_a_budget_only_the_quota_is_evaluated():
    plan = plan_of()
    assert [each.title for each in evaluate_next_stage(measure(attempt()), plan, plan.stages[0])] == ["quota"]


def test_the_quota_is_compared_with_the_busiest_window():
    # 100 jobs of both models in 5 minutes, once in an hour: 20 a minute, of which the next stage gives Chirp half.
    busy = [attempt(6 * WINDOW + n % 5 * MINUTE, **(CONTROL if n % 2 else {})) for n in range(100)]
    quota, _ = evaluate_next_stage(measure(*busy, attempt(WINDOW), attempt(11 * WINDOW)), PLAN, PLAN.stages[0])
    assert quota.value == pytest.approx(10)


def test_the_characters_that_the_next_stage_adds_are_included():
    stages = [
        {"name": "some", "percentage": 50, "characters": ["pip_boy"], "at_least": "1h"},
        {"name": "more", "percentage": 50, "characters": ["pip_boy", "ghoul"], "at_least": "1h"},
        {"name": "all", "percentage": 50, "characters": "all", "at_least": "1h"},
    ]
    plan = plan_of(stages=stages, limits={"dollars_a_month": 100})
    unlisted = {**CONTROL, "reason": DecisionReason.NOT_LISTED}
    excluded = {**CONTROL, "reason": DecisionReason.EXCLUDED}
    jobs = [
        attempt(6 * WINDOW + number % 5 * MINUTE, character=name, **given)
        for name, given in (("pip_boy", CONTROL), ("ghoul", unlisted), ("raider", unlisted), ("codsworth", excluded))
        for number in range(100)
    ]
    readings = measure(*jobs)
    # Each 20 a minute at the busiest, of which Chirp gets half.
    requests = {stage.name: next(evaluate_next_stage(readings, plan, stage)).value for stage in plan.stages[:2]}
    assert requests == {"some": pytest.approx(20), "more": pytest.approx(30)}
    dollars = [list(evaluate_next_stage(readings, plan, stage))[1].value for stage in plan.stages[:2]]
    assert dollars[1] == pytest.approx(1.5 * dollars[0])
