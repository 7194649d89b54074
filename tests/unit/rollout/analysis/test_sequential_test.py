"""The comparison, against the figures that were simulated for the plan."""

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.rollout.analysis.sequential_test import Arms, SequentialTest

RATIOS = (1.5, 2.0, 3.0, 5.0, 10.0, 25.0)
WEEK = 2_016
THRESHOLD = WEEK / 0.01
cells = st.builds(
    lambda chirp, control, a, b: Arms(chirp, control, min(a, chirp), min(b, control)),
    st.integers(0, 50),
    st.integers(0, 50),
    st.integers(0, 50),
    st.integers(0, 50),
)


def binomial(rng: random.Random, attempts: int, rate: float) -> int:
    return sum(rng.random() < rate for _ in range(attempts))


def window(rng: random.Random, chirp: float, control: float) -> Arms:
    return Arms(20, 180, binomial(rng, 20, chirp), binomial(rng, 180, control))


def windows_until_the_alarm(rng: random.Random, chirp: float, healthy: int) -> int:
    evidence = SequentialTest(RATIOS)
    for _ in range(healthy):
        evidence.add([window(rng, 0.02, 0.02)])
    for number in range(1, 400):
        evidence.add([window(rng, chirp, 0.02)])
        if evidence.evidence > THRESHOLD:
            return number
    return 400


def test_an_illness_after_healthy_days_is_seen_as_soon_as_it_was_in_the_plans_simulation():
    rng = random.Random(20251104)
    # A day of health before it: the mean over the ratios has settled by then.
    found = {chirp: [windows_until_the_alarm(rng, chirp, 288) for _ in range(40)] for chirp in (0.07, 0.12, 0.5)}
    # The plan's medians: 18, 7 and 1 windows, its 95th percentiles 31, 12 and 2.
    assert 12 <= statistics.median(found[0.07]) <= 25
    assert 5 <= statistics.median(found[0.12]) <= 10
    assert statistics.median(found[0.5]) <= 2
    assert sum(each <= 15 for each in found[0.12]) >= 34


def test_healthy_weeks_raise_no_alarm_though_both_models_are_ill_for_hours():
    rng = random.Random(7)
    alarms = 0
    for _ in range(12):
        evidence = SequentialTest(RATIOS)
        for number in range(WEEK // 2):
            rate = 0.3 if 500 <= number < 572 else 0.02
            evidence.add([window(rng, rate, rate)])
            alarms += evidence.evidence > THRESHOLD
    # 0.4 % of weeks in the plan's simulation: of 12 halves none.
    assert alarms == 0


def test_a_window_without_events_counts_as_time_alone():
    evidence = SequentialTest(RATIOS)
    for _ in range(3):
        evidence.add([Arms(20, 180, 0, 0)])
    evidence.add([])
    assert evidence.evidence == 4


@given(st.lists(cells, max_size=5))
def test_cells_with_one_arm_say_nothing(these):
    alone = [Arms(each.chirp, 0, each.chirp_events, 0) for each in these if each.chirp]
    alone += [Arms(0, each.control, 0, each.control_events) for each in these if each.control]
    evidence = SequentialTest(RATIOS)
    evidence.add(alone)
    assert abs(evidence.evidence - 1) < 1e-9


@given(st.lists(cells.filter(lambda each: each.chirp + each.control > 0), min_size=1, max_size=5))
def test_the_order_of_cells_does_not_matter(these):
    one, other = SequentialTest(RATIOS), SequentialTest(RATIOS)
    one.add(these)
    other.add(these[::-1])
    assert abs(one.evidence - other.evidence) <= 1e-9 * max(1.0, one.evidence)


@given(
    st.integers(1, 50).flatmap(lambda chirp: st.tuples(st.just(chirp), st.integers(0, chirp - 1))),
    st.integers(1, 50).flatmap(lambda control: st.tuples(st.just(control), st.integers(1, control))),
)
def test_a_failure_of_chirp_instead_of_wavenet_is_more_evidence(chirp, control):
    less, more = SequentialTest(RATIOS), SequentialTest(RATIOS)
    less.add([Arms(chirp[0], control[0], chirp[1], control[1])])
    more.add([Arms(chirp[0], control[0], chirp[1] + 1, control[1] - 1)])
    assert more.evidence > less.evidence


def test_evidence_without_end_stays_a_number():
    evidence = SequentialTest(RATIOS)
    for _ in range(500):
        evidence.add([Arms(500, 500, 500, 0)])
    assert evidence.evidence > THRESHOLD
    assert evidence.evidence < float("inf")


def test_a_run_is_the_likelihood_since_the_window_that_speaks_most_for_its_ratio():
    test = SequentialTest((2.0,))
    assert list(test.runs) == [0.0]
    # A tenth of the attempts is Chirp's: log(2) for its failure, minus log(1.1) for each failure.
    test.add([Arms(10, 90, 3, 1)])
    first = 3 * math.log(2) - 4 * math.log(1.1)
    assert list(test.runs) == [pytest.approx(first)]
    test.add([Arms(10, 90, 0, 0)])
    test.add([])
    assert list(test.runs) == [pytest.approx(first)]
    test.add([Arms(10, 90, 0, 2), Arms(10, 90, 1, 0)])
    assert list(test.runs) == [pytest.approx(first + math.log(2) - 3 * math.log(1.1))]
    # Windows that speak for equal models end it, and none takes it below 0.
    test.add([Arms(10, 90, 0, 90)])
    assert list(test.runs) == [0.0]
    test.add([Arms(10, 90, 3, 1)])
    assert list(test.runs) == [pytest.approx(first)]


@given(st.lists(st.lists(cells.filter(lambda each: each.chirp + each.control > 0), max_size=3), max_size=10))
def test_where_a_run_is_above_0_chirp_has_had_more_than_its_share_since(windows):
    test = SequentialTest(RATIOS)
    above = [0.0] * len(RATIOS)
    for window in windows:
        test.add(window)
        more = sum(
            each.chirp_events - (each.chirp_events + each.control_events) * each.chirp / (each.chirp + each.control)
            for each in window
        )
        above = [total + more if run > 0 else 0.0 for total, run in zip(above, test.runs, strict=True)]
        assert all(total > 0 for total, run in zip(above, test.runs, strict=True) if run > 1e-9)
