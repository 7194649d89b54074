"""The run of a plan: the time served in its stage, and the stages around it."""

from __future__ import annotations

import pytest

from schemas.enums import Phase
from schemas.errors import RefusedError
from tests.unit.plans import BEFORE, HOUR, PLAN, begun, run_of
from tests.unit.rollouts import NOW
from worker.rollout.controller.plan_run import (
    begin_stage,
    find_stage,
    next_stage,
    previous_stage,
    require_run,
    stop_clock,
    time_served,
)


def test_the_stages_around_a_stage_are_those_of_the_plan_and_none_beyond_its_ends() -> None:
    names = [each.name for each in PLAN.stages]
    assert [stage.name if (stage := next_stage(PLAN, name)) else None for name in names] == [*names[1:], None]
    assert [stage.name if (stage := previous_stage(PLAN, name)) else None for name in names] == [None, *names[:-1]]


def test_a_stage_or_run_that_does_not_exist_is_refused_with_what_there_is() -> None:
    assert find_stage(PLAN, "2") is PLAN.stages[2]
    with pytest.raises(RefusedError, match="plan small has 0, 1, 2, 3, 4"):
        find_stage(PLAN, "5")
    with pytest.raises(RefusedError, match="no plan runs; `chirp-worker rollout start PLAN`"):
        require_run(BEFORE)


def test_a_stopped_clock_keeps_the_served_time_and_a_stage_that_begins_has_none() -> None:
    stopped = stop_clock(run_of(begun("2")), Phase.PAUSED, NOW + HOUR)
    assert (stopped.phase, time_served(stopped, NOW + 9 * HOUR)) == (Phase.PAUSED, HOUR)
    for phase, served in ((Phase.RUNNING, HOUR), (Phase.WAITING, 0 * HOUR)):
        run = begin_stage(begun("3"), "2", phase, NOW + HOUR)
        assert (run.stage, run.since, run.approvals) == ("2", NOW + HOUR, ())
        assert time_served(run, NOW + 2 * HOUR) == served


def test_a_clock_that_goes_back_takes_no_served_time_away() -> None:
    assert time_served(run_of(begun("2")), NOW - HOUR) == 0 * HOUR
