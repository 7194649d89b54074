"""What is told of the arms' mix."""

from datetime import timedelta

from tests.unit.attempts import CONTROL, MINUTE, attempt, readings_of
from tests.unit.rollout.analysis.test_stage_evaluation import plan_of
from worker.rollout.analysis.arm_balance import arm_differences

DAY = timedelta(days=1)


def arms(count: int, after: timedelta = MINUTE, control: dict | None = None, **fields: object) -> list:
    made = [attempt(after, **fields) for _ in range(count)]
    return made + [attempt(after, **{**CONTROL, **(control or {})}) for _ in range(count)]


def test_arms_that_are_alike_are_not_told():
    assert arm_differences(readings_of(*arms(100)), plan_of()) == ()


def test_too_few_jobs_say_nothing_of_a_mix():
    assert arm_differences(readings_of(*arms(49, character="ghoul")), plan_of()) == ()
    assert arm_differences(readings_of(*arms(50, character="ghoul")), plan_of()) != ()


def test_a_cache_that_one_arm_has_alone_is_told():
    told = arm_differences(readings_of(*arms(100, control={"cached": True})), plan_of())
    assert told == ("stored takes: 0% of Chirp's jobs, 100% of WaveNet's",)


def test_the_mix_is_of_the_last_day():
    before = arms(500, character="ghoul")
    assert arm_differences(readings_of(*before, *arms(100, 2 * DAY), until=2 * DAY + 10 * MINUTE), plan_of()) == ()
