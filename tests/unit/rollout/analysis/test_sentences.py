"""Verdicts and their sentences agree: read as a person reads it, a sentence gives the verdict that stands beside it."""

from __future__ import annotations

import re
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.rollout.analysis.test_evaluate import criterion
from worker.rollout.analysis.comparisons import Comparison, Window
from worker.rollout.analysis.durations import Durations
from worker.rollout.analysis.evaluate import (
    MIN_EVENTS_TO_ROLL_BACK,
    evaluate_cache,
    evaluate_comparison,
    evaluate_measure,
)
from worker.rollout.analysis.evaluate_query import QueryResult, evaluate_query
from worker.rollout.analysis.sequential_test import Arms
from worker.rollout.analysis.tally import Tally
from worker.rollout.analysis.verdict import Status, Use, Verdict
from worker.rollout.analysis.wording import number_beside, percent_beside, value_beside

PASS, HOLD, FAIL = Status.PASS, Status.HOLD, Status.FAIL
uses = st.sampled_from(("gate", "at_once", "step", "character"))
# Both arms of a window, of one character or several: cells with different shares and failure rates.
cells = st.builds(
    lambda chirp, control, one, other: Arms(chirp, control, min(one, chirp), min(other, control)),
    st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60),
)  # fmt: skip
windows = st.lists(st.lists(cells, max_size=3), max_size=12)
limits = st.floats(0.001, 0.5) | st.sampled_from((0.01, 0.05, 0.1, 0.2))


def numbers(text: str) -> list[float]:
    return [float(each.replace(",", "")) for each in re.findall(r"-?[0-9][0-9,]*(?:\.[0-9]+)?(?:e[-+][0-9]+)?", text)]


def one(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found is not None, text
    return numbers(found[1])[0]


@given(uses, windows, st.sampled_from((2.0, 20.0, 1_000.0)), st.integers(1, 100))
def test_a_comparison_s_figures_are_those_that_decided(
    use: Use, these: list[list[Arms]], threshold: float, sample: int
) -> None:
    comparison = Comparison((1.5, 3.0, 10.0), timedelta(minutes=5))
    for each in these:
        comparison.add(Window.of_attempts(each))
    verdict = evaluate_comparison(criterion("errors_against_control", use=use, sample=sample), comparison, threshold)
    says = verdict.message
    if "would have" not in says:
        assert verdict.status is HOLD or says.startswith("no control: ")
        return
    failed, expected = one(r": (\S+) of its", says), one(r"failed(?: in the last .*?)?, (\S+) would have", says)
    if verdict.status is FAIL:
        assert says.startswith("Chirp is worse than WaveNet: ")
        assert failed > expected
    elif verdict.status is PASS:
        assert says.startswith("Chirp is as good as WaveNet: ")
        assert failed <= one(r"and up to (\S+) by chance", says)
    else:
        assert says.startswith("Chirp may be worse than WaveNet")
        assert failed > one(r"and (\S+) at most by chance", says) >= expected


@given(
    uses, st.sampled_from(("error_rate", "fallback_rate", "p95_time")), limits, st.booleans(),
    st.integers(1, 3_000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n) | st.integers(0, n // 10))),
)  # fmt: skip
def test_a_rate_s_figures_are_on_the_side_of_the_limit_that_the_verdict_says(
    use: Use, measure: str, limit: float, tail: bool, counted: tuple[int, int]
) -> None:
    attempts, events = counted
    tail = tail and use == "gate"
    chirp = Tally(
        attempts, events, events, 0, attempts, attempts, attempts, times=Durations({0: attempts - events, 500: events})
    )
    given_limit = 2.0 if measure == "p95_time" else limit
    verdict = evaluate_measure(criterion(measure, given_limit, use=use, tail=tail), chirp, Tally)
    says = verdict.message
    rate, shown_limit = one(r"^(\S+)%", says), one(r"limit (\S+)%", says)
    if tail:
        assert {PASS: rate < shown_limit, HOLD: rate >= shown_limit, FAIL: rate > shown_limit}[verdict.status]
        return
    bound = one(r"at (?:least|most) (\S+)%", says)
    if verdict.status is FAIL:
        assert "at least" in says
        assert rate >= bound > shown_limit
    elif use == "gate":
        assert "at most" in says
        assert rate <= bound
        assert (bound < shown_limit) is (verdict.status is PASS)
    else:
        assert bound <= shown_limit or f"a roll-back needs {MIN_EVENTS_TO_ROLL_BACK} of them" in says


@given(
    uses, st.floats(0.01, 10) | st.sampled_from((1.0, 2.0, 5.0)), st.booleans(),
    st.lists(st.floats(0.01, 20), min_size=20, max_size=60),
)  # fmt: skip
def test_a_mean_s_figures_are_on_the_side_of_the_limit_that_the_verdict_says(
    use: Use, limit: float, tail: bool, seconds: list[float]
) -> None:
    n = len(seconds)
    chirp = Tally(n, 0, 0, 0, n, sum(seconds), sum(each * each for each in seconds))
    verdict = evaluate_measure(criterion("mean_time", limit, use=use, tail=tail and use == "gate"), chirp, Tally)
    bound, shown_limit = one(r"at (?:least|most) (\S+) s by", verdict.message), one(r"limit (\S+) s$", verdict.message)
    if verdict.status is FAIL:
        assert bound > shown_limit
    elif use == "gate":
        assert (bound < shown_limit) is (verdict.status is PASS)
    else:
        assert bound <= shown_limit


@given(*[st.integers(0, 500)] * 4, st.floats(0.001, 0.999))
def test_a_cache_hit_rate_fails_only_below_its_limit(
    hits: int, misses: int, now: int, missed: int, drop: float
) -> None:
    early, late = Tally(attempts=misses, cached=hits), Tally(attempts=missed, cached=now)
    verdict = evaluate_cache(criterion("cache_hit_rate", drop=drop), early, late)
    if "look-ups so far" not in verdict.message:
        bound, limit = one(r"at most (\S+)%", verdict.message), one(r"limit (\S+)%", verdict.message)
        assert (bound >= limit) is (verdict.status is PASS)


@given(uses, st.floats(0, 1e9), st.floats(0, 1e9) | st.none())
def test_a_query_s_value_is_on_the_side_that_the_verdict_says(use: Use, limit: float, value: float | None) -> None:
    query = criterion("query", limit, use=use, name="q", query="sum(up)")
    verdict = evaluate_query(query, QueryResult(limit if value is None else value))
    shown, shown_limit = numbers(verdict.message)
    assert (shown < shown_limit if use == "gate" else shown <= shown_limit) is (verdict.status is PASS)


@given(st.floats(0, 1e7), st.floats(0, 1e7))
def test_numbers_beside_a_limit_are_on_its_side(limit: float, value: float) -> None:
    for write in (percent_beside, number_beside, value_beside):
        shown_limit, shown = (numbers(text)[0] for text in write(limit, value))
        if abs(value - limit) > 1e-9:
            assert (shown > shown_limit) is (value > limit)
    assert number_beside(limit, limit) == (f"{limit:,.0f}",) * 2


def test_a_number_has_no_more_decimals_than_it_takes() -> None:
    assert number_beside(4_000, 4_065.03, 3_999.6, decimals=0) == ("4,000.0", "4,065.0", "3,999.6")
    assert percent_beside(0.05, 0.04) == ("5.00%", "4.00%")
    assert value_beside(2, 1.999) == ("2", "1.999")


def says(verdict: Verdict) -> str:
    return f"{verdict.status}: {verdict.message}"


def test_what_was_reported_as_worse_by_lower_figures_and_as_good_by_higher_ones() -> None:
    # Three healthy days, then an hour at 7 %: over the stage Chirp failed less often than WaveNet.
    late = Comparison((1.5, 2.0, 3.0, 5.0, 10.0, 25.0), timedelta(minutes=5))
    for _ in range(1_000):
        late.add(Window.of_attempts([Arms(20, 180, 0, 4)]))
    for _ in range(80):
        late.add(Window.of_attempts([Arms(20, 180, 2, 4)]))
    assert late.totals.chirp_events / late.totals.chirp < late.totals.control_events / late.totals.control
    rule = criterion("errors_against_control", use="step")
    assert says(evaluate_comparison(rule, late, 201_600)) == (
        "fail: Chirp is worse than WaveNet: 160 of its 1,600 failed in the last 6.7 h, 48.0 would have if both were "
        "equally good"
    )
    few = Comparison((1.5, 2.0, 3.0, 5.0, 10.0, 25.0), timedelta(minutes=5))
    few.add(Window.of_attempts([Arms(22, 10, 22, 0)]))
    assert says(evaluate_comparison(rule, few, 201_600)).startswith("hold: Chirp may be worse than WaveNet")
