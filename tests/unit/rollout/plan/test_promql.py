"""Which queries certainly return one series."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.rollout.plan.promql import part_with_several_series

ONE = [
    'sum(rate(tts_synthesis_total{status="success"}[5m])) / sum(rate(tts_synthesis_total[5m])) * 100',
    "scalar(up)", "topk(1, up)", "sum(a) or vector(0)", "-sum(a)", "1 - (sum(a) / sum(b))", "round(sum(a), 0.1)",
    'sum(a{x="(by) +"})', "max(up) > bool 0", "sum(a) * 1e-3", "5e-3", "sum (a) # by (x)", "time() - max(ts)",
    "histogram_quantile(0.95, sum by (le) (rate(x_bucket[5m])))", "histogram_quantile(0.5, sum(rate(x[5m])) by (le))",
]  # fmt: skip
SEVERAL = [
    "rate(tts_synthesis_duration_seconds_sum[5m]) / rate(tts_synthesis_duration_seconds_count[5m])",
    "sum(rate(tts_synthesis_total[5m])) by (voice_model)", "sum by (x) (a)", "sum without () (a)", "up", "topk(3, up)",
    "clamp_max(up, 1)", "sum(a) / b", "avg_over_time(x[5m])", 'count_values("x", a)', "(sum(a)", "",
    "histogram_quantile(0.95, sum(rate(x_bucket[5m])) by (le, pod))",
]  # fmt: skip


@pytest.mark.parametrize("query", ONE)
def test_an_aggregation_over_everything_and_expressions_of_such_return_one_series(query: str) -> None:
    assert part_with_several_series(query) is None


@pytest.mark.parametrize("query", SEVERAL)
def test_any_other_query_may_return_several_series(query: str) -> None:
    assert part_with_several_series(query)


@given(st.sampled_from(ONE), st.sampled_from(ONE), st.sampled_from(SEVERAL[:5]), st.sampled_from([*"+-*/", " or "]))
def test_an_operand_with_several_series_makes_the_whole_query_one_with_several(
    one: str, other: str, several: str, operator: str
) -> None:
    one, other = one.split(" #", maxsplit=1)[0], other.split(" #", maxsplit=1)[0]
    assert part_with_several_series(f"({one}){operator}({other})") is None
    assert part_with_several_series(f"({one}){operator}({several})")
    assert part_with_several_series(f"sum({several}){operator}{one}") is None
