"""The pace of the rollout's demo follows what the machine can do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loadtest.rollout_demo.pace import choose_pace
from tests.unit.makers import CATALOGUE
from worker.rollout.plan.file import read_plan_file
from worker.rollout.plan.parser import parse_plan
from worker.rollout.plan.units import DAY

PLAN = parse_plan(read_plan_file("production")[1], "production", CATALOGUE.names).plan


def test_a_fast_machine_has_short_days_and_a_slow_one_longer_ones() -> None:
    days = {throughput: choose_pace(throughput, PLAN).day_s for throughput in (1_000, 180, 90, 30, 5)}
    assert days == {1_000: 7, 180: 7, 90: 9, 30: 27, 5: 67}
    assert choose_pace(1_000, PLAN).jobs_a_second == 60
    assert choose_pace(90, PLAN).jobs_a_second == 45
    assert choose_pace(1_000, PLAN).day == "7s"


@given(st.floats(0.1, 10_000))
def test_the_longest_time_of_the_first_stage_brings_more_than_the_gates_sample(throughput: float) -> None:
    pace = choose_pace(throughput, PLAN)
    first = PLAN.stages[0]
    assert first.at_most is not None
    attempts = pace.jobs_a_second * 0.9 * 0.1 * pace.day_s * (first.at_most / DAY)
    # A hundred for each gate, and twenty in the last tenth for the mean time.
    assert attempts >= 1.2 * 200
