"""Both arms' figures over the plan's windows."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.attempts import CONTROL, FAILED, FALLBACK, MINUTE, attempt, measure
from tests.unit.rollout.analysis.test_stage_evaluation import plan_of
from worker.rollout.analysis.arm_rates import arm_rates
from worker.rollout.analysis.durations import Durations, bucket_end, duration_bucket

HOUR = timedelta(hours=1)


def test_each_arm_has_its_own_attempts_in_each_window():
    old = [attempt(10 * MINUTE) for _ in range(6)]
    new = [attempt(58 * MINUTE, **FAILED), attempt(58 * MINUTE, seconds=4.0)]
    fallback = attempt(58 * MINUTE, first=False, **FALLBACK)
    control = [attempt(58 * MINUTE, seconds=0.5, **CONTROL) for _ in range(3)]
    arms = arm_rates(measure(*old, *new, fallback, *control, until=HOUR), plan_of())
    figures = [(each.window, each.voice_model, each.attempts, each.errors, each.fallbacks) for each in arms]
    assert figures == [
        ("5m", "chirp3-hd", 2, 1, 1), ("5m", "wavenet", 3, 0, 0),
        ("1h", "chirp3-hd", 8, 1, 1), ("1h", "wavenet", 3, 0, 0),
    ]  # fmt: skip
    assert [(each.p50_s, each.p95_s) for each in arms] == [(1.0, 4.0), (0.5, 0.5), (1.0, 4.0), (0.5, 0.5)]


def test_an_arm_without_attempts_has_no_durations():
    assert {(each.attempts, each.p50_s, each.p95_s) for each in arm_rates(measure(), plan_of())} == {(0, None, None)}


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=60), st.floats(0.01, 1))
def test_a_quantile_is_at_most_a_bucket_above_the_exact_one(seconds: list[float], share: float):
    durations = Durations()
    for each in seconds:
        durations.add(each)
    found = durations.quantile(share)
    exact = next(each for place, each in enumerate(sorted(seconds), 1) if place >= share * len(seconds))
    assert found is not None
    assert exact <= found + 1e-9
    assert found - exact <= (0.1 if exact <= 10 else 1.0) + 1e-9
    assert duration_bucket(bucket_end(duration_bucket(exact))) == duration_bucket(exact)
