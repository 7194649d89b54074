"""Bars and curves: each place is within the bar, and on the right side of the limit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.rollout_status import Judged
from tests.unit.cli.views.test_status import judged, status
from worker.console.web.rollout.gauges import Gauge, current_rounds, curve, gauge

numbers = st.none() | st.floats(min_value=0, max_value=1e12, allow_nan=False)


@given(numbers, numbers, numbers)
def test_every_place_is_within_the_bar_and_keeps_its_order(
    value: float | None, bound: float | None, limit: float | None
) -> None:
    places = gauge(Judged(use="gate", title="t", window="w", verdict="hold", value=value, bound=bound, limit=limit))
    for number, place in ((value, places.value), (bound, places.bound), (limit, places.limit)):
        assert (number is None) == (place is None)
        assert place is None or 0 <= place <= 100
    if value is not None and limit is not None and places.value is not None and places.limit is not None:
        assert (value >= limit) <= (places.value >= places.limit)


def test_a_limit_stands_at_the_same_place_in_all_bars_until_a_value_is_far_beyond_it() -> None:
    assert gauge(judged("gate", value=0.01, bound=0.02, limit=0.05)) == Gauge(12, 24, 60)
    assert gauge(judged("gate", value=0.5, limit=0.05)) == Gauge(100, None, 10)
    assert gauge(judged("gate", value=0.0, limit=0.0)) == Gauge(0, None, 0)
    assert gauge(judged("gate")) == Gauge(None, None, None)


def test_a_curve_follows_one_verdict_through_the_rounds_of_its_stage() -> None:
    rounds = [status(judged("gate", value=n / 10, limit=0.5), judged("step", value=9)) for n in range(4)]
    other = status(judged("gate", value=99), stage="other")
    assert current_rounds([other, *rounds]) == rounds
    drawn = curve(judged("gate", value=0.3, limit=0.5), rounds)
    points = [tuple(map(float, each.split(","))) for each in drawn.points.split()]
    assert [x for x, _ in points] == [0, 33.3, 66.7, 100]
    assert [y for _, y in points] == sorted((y for _, y in points), reverse=True)
    assert drawn.limit_y is not None
    assert drawn.limit_y < min(y for _, y in points)
    assert drawn.bound == ""
    assert curve(judged("gate", limit=0.5), rounds[:1]).points == ""
    assert current_rounds([]) == []


def test_the_bound_has_a_line_of_its_own_on_the_values_scale() -> None:
    rounds = [status(judged("gate", value=n / 10, bound=(n + 1) / 10)) for n in range(3)]
    drawn = curve(judged("gate"), rounds)
    value, bound = ([float(each.split(",")[1]) for each in line.split()] for line in (drawn.points, drawn.bound))
    assert bound[0] == value[1]
    assert bound[1] == value[2]


def test_an_hour_of_rounds_is_a_curve_of_few_points() -> None:
    rounds = [status(judged("gate", value=n)) for n in range(720)]
    assert len(curve(judged("gate"), rounds).points.split()) <= 150
