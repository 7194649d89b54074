"""Which differences between the arms are reported."""

from datetime import timedelta

from tests.unit.attempts import CONTROL, MINUTE, attempt, measure
from tests.unit.rollout.analysis.test_stage_evaluation import plan_of
from worker.rollout.analysis.arm_balance import arm_differences

DAY = timedelta(days=1)


def arms(count: int, after: timedelta = MINUTE, control: dict | None = None, **fields: object) -> list:
    made = [attempt(after, **fields) for _ in range(count)]
    return made + [attempt(after, **{**CONTROL, **(control or {})}) for _ in range(count)]


def test_balanced_arms_have_no_differences():
    assert arm_differences(measure(*arms(100)), plan_of()) == ()


def test_below_the_minimum_sample_no_difference_is_reported():
    assert arm_differences(measure(*arms(49, character="ghoul")), plan_of()) == ()
    assert arm_differences(measure(*arms(50, character="ghoul")), plan_of()) != ()


def test_a_cache_that_only_one_arm_uses_is_reported():
    differences = arm_differences(measure(*arms(100, control={"cached": True})), plan_of())
    assert differences == ("stored takes: 0% of Chirp's jobs, 100% of WaveNet's",)


def test_differences_are_of_the_last_day():
    before = arms(500, character="ghoul")
    assert arm_differences(measure(*before, *arms(100, 2 * DAY), until=2 * DAY + 10 * MINUTE), plan_of()) == ()
