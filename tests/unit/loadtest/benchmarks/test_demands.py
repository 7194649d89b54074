"""`make simulations`: what each demand counts in simulations, and when it is met."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from loadtest.benchmarks.simulations.demands import Demand, Result, all_demands, table_head
from schemas.enums import VoiceModel
from tests.unit.makers import CATALOGUE
from worker.rollout.plan.conditions import AGAINST_CONTROL
from worker.rollout.simulation.result import Event, ModelTotals, SimulatedRollout

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
DEMANDS = all_demands(CATALOGUE.names)
HEALTHY, QUARANTINED, BOTH_ILL, HALF, TWELVE, SEVEN = DEMANDS
ERRORS = ("step", "errors_against_control", None)


def simulation(*happened: tuple[timedelta, str], **more: Any) -> SimulatedRollout:
    entries = tuple(Event(after, kind, "10", 1_000, 14, "") for after, kind in happened)
    heard = {model: ModelTotals() for model in VoiceModel}
    return SimulatedRollout(1, DAY, entries, heard, 0, **{"first_failed": {}, "points": (), **more})


@pytest.mark.parametrize(
    ("demand", "counted", "not_counted"),
    [
        (HEALTHY, simulation((DAY, "turned off")), simulation((DAY, "quarantined"))),
        (QUARANTINED, simulation((DAY, "quarantined")), simulation((DAY, "turned off"))),
        (
            BOTH_ILL,
            simulation(first_failed={("character", "errors_against_control", "ghoul"): DAY}),
            simulation(first_failed={("at_once", "error_rate", None): DAY}),
        ),
        (HALF, simulation((DAY + 13 * MINUTE, "turned off")), simulation((DAY + 18 * MINUTE, "turned off"))),
        (HALF, simulation((DAY + 8 * MINUTE, "turned off")), simulation((DAY - MINUTE, "turned off"))),
        (TWELVE, simulation(first_failed={ERRORS: 3 * DAY + MINUTE}), simulation(first_failed={ERRORS: DAY})),
        (
            SEVEN,
            simulation(first_failed={ERRORS: 3 * DAY + MINUTE}),
            simulation(first_failed={("step", "slow", None): DAY}),
        ),
    ],
)
def test_a_demand_counts_its_own_simulations(
    demand: Demand, counted: SimulatedRollout, not_counted: SimulatedRollout
) -> None:
    assert demand.matches(counted)
    assert not demand.matches(not_counted)
    assert demand.result([counted, not_counted, not_counted]).count == 1


@pytest.mark.parametrize(
    ("demand", "count", "n", "met"),
    [(HEALTHY, 1, 200, True), (HEALTHY, 2, 200, False), (HALF, 191, 200, True), (HALF, 190, 200, False)],
)
def test_a_demand_is_met_below_or_above_its_share_and_the_row_says_of_how_many(
    demand: Demand, count: int, n: int, met: bool
) -> None:
    result = Result(demand, count, n)
    assert result.is_met is met
    assert f"{count} of {n}" in result.row()
    assert result.row().endswith("yes" if met else "NO")
    assert result.row().index("yes" if met else "NO") == table_head().index("met")


def test_traces_with_a_late_regression_end_with_the_last_window_that_counts() -> None:
    windows = [(each.case.trace.lasts - 3 * DAY) / (5 * MINUTE) for each in (TWELVE, SEVEN)]
    assert windows == [15, 40]


def test_the_comparisons_of_the_production_plan_are_dry_runs() -> None:
    acting, watching = HEALTHY.case.plan, TWELVE.case.plan
    for use in ("step", "character"):
        rules = getattr(watching.roll_back, use)
        assert [without_dry_run(each) for each in rules] == [
            each for each in getattr(acting.roll_back, use) if each.measure in AGAINST_CONTROL
        ]
        assert all(each.dry_run for each in rules)
    assert not watching.roll_back.at_once
    assert acting.stages[0].at_least > HEALTHY.case.trace.lasts


def without_dry_run(rule: Any) -> Any:
    return rule.model_copy(update={"dry_run": False})
