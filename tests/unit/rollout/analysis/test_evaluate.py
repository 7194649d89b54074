"""The rules of one criterion as tables (measure, counts, limit) → status: each count at, below and above its limit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from worker.rollout.analysis.comparisons import Comparison, Window
from worker.rollout.analysis.confidence import wilson_lower, wilson_upper
from worker.rollout.analysis.durations import Durations, duration_bucket
from worker.rollout.analysis.evaluate import evaluate_cache, evaluate_comparison, evaluate_measure
from worker.rollout.analysis.sequential_test import Arms
from worker.rollout.analysis.tally import Tally
from worker.rollout.analysis.verdict import Criterion, Evaluation, Status, Use, Verdict
from worker.rollout.plan.conditions import Gate, Rule
from worker.rollout.plan.settings import Bounds

PASS, HOLD, FAIL = Status.PASS, Status.HOLD, Status.FAIL
PROMOTE_Z, ROLL_BACK_Z = 1.645, 2.58
BOUNDS = Bounds(promote_z=PROMOTE_Z, roll_back_z=ROLL_BACK_Z)


def criterion(
    measure: str, limit: float | None = None, *, use: Use = "gate", sample: int = 1, tail: bool = False, **fields: Any
) -> Criterion:
    condition = (Gate if use == "gate" else Rule).model_validate({"measure": measure, "limit": limit, **fields})
    return Criterion(use, condition, "stage" if use == "gate" else "5m", BOUNDS, sample, None, tail)


def tally(attempts: int, errors: int = 0, fallbacks: int = 0, seconds: float = 1.0, slow: int = 0) -> Tally:
    """Attempts of equal duration; `slow` of them are counted as having taken 9 s in the histogram alone."""
    times = {duration_bucket(seconds): attempts - slow, duration_bucket(9.0): slow}
    total, squares = attempts * seconds, attempts * seconds**2
    return Tally(attempts, errors, fallbacks, 0, attempts, total, squares, times=Durations(times))


def evaluate(criterion: Criterion, chirp: Tally, control: Tally | None = None) -> Verdict:
    return evaluate_measure(criterion, chirp, lambda: control or Tally())


@pytest.mark.parametrize(
    ("use", "measure", "errors", "fallbacks", "status"),
    [
        # Of 1,000: Wilson's upper bound is below 5 % up to 38, its lower bound above 5 % from 68 on.
        ("gate", "error_rate", 38, 500, PASS),
        ("gate", "error_rate", 39, 500, HOLD),
        ("gate", "error_rate", 67, 0, HOLD),
        ("gate", "error_rate", 68, 0, FAIL),
        ("gate", "fallback_rate", 500, 38, PASS),
        ("gate", "fallback_rate", 500, 39, HOLD),
        ("gate", "fallback_rate", 0, 67, HOLD),
        ("gate", "fallback_rate", 0, 68, FAIL),
        ("at_once", "error_rate", 38, 500, PASS),
        ("at_once", "error_rate", 39, 500, HOLD),
        ("at_once", "error_rate", 67, 500, HOLD),
        ("at_once", "error_rate", 68, 0, FAIL),
        ("step", "fallback_rate", 500, 38, PASS),
        ("step", "fallback_rate", 500, 67, HOLD),
        ("character", "fallback_rate", 0, 68, FAIL),
    ],
)
def test_a_rate_passes_below_and_fails_above_its_limit_by_its_own_events(
    use: Use, measure: str, errors: int, fallbacks: int, status: Status
) -> None:
    verdict = evaluate(criterion(measure, 0.05, use=use), tally(1_000, errors, fallbacks))
    events = errors if measure == "error_rate" else fallbacks
    assert verdict.status is status
    assert (verdict.value, verdict.sample, verdict.limit) == (events / 1_000, 1_000, 0.05)
    shows_lower = use != "gate" or status is FAIL
    bound = wilson_lower(events, 1_000, ROLL_BACK_Z) if shows_lower else wilson_upper(events, 1_000, PROMOTE_Z)
    assert verdict.bound == bound
    name, side = ("failed" if measure == "error_rate" else "fell back"), ("at least" if shows_lower else "at most")
    assert verdict.message == (f"{events / 1_000:.2%} of 1,000 {name}, {side} {bound:.2%} by the bound; limit 5.00%")


@pytest.mark.parametrize("use", ["gate", "at_once"])
def test_a_bound_exactly_at_the_limit_holds(use: Use) -> None:
    lower, upper = wilson_lower(30, 100, ROLL_BACK_Z), wilson_upper(30, 100, PROMOTE_Z)
    for limit, status in ((lower, HOLD), (lower - 1e-9, FAIL), (upper, HOLD), (upper + 1e-9, PASS)):
        assert evaluate(criterion("error_rate", limit, use=use), tally(100, 30)).status is status


@pytest.mark.parametrize(("measure", "slow"), [("error_rate", False), ("fallback_rate", False), ("p95_time", True)])
@pytest.mark.parametrize(("events", "status"), [(4, PASS), (5, HOLD), (6, HOLD), (13, FAIL)])
def test_in_the_last_tenth_the_rate_itself_must_be_below_the_limit(
    measure: str, slow: bool, events: int, status: Status
) -> None:
    chirp = tally(100, events, events, slow=events)
    verdict = evaluate(criterion(measure, 2.0 if slow else 0.05, tail=True), chirp)
    assert verdict.status is status
    assert "by the bound" not in verdict.message
    if status is not FAIL:
        assert verdict.bound == events / 100


@pytest.mark.parametrize(
    ("use", "events", "attempts", "status"),
    [
        ("at_once", 6, 6, HOLD), ("at_once", 7, 7, FAIL), ("at_once", 8, 8, FAIL),
        ("step", 6, 6, HOLD), ("step", 7, 7, FAIL), ("character", 6, 6, HOLD), ("character", 7, 7, FAIL),
        # A gate needs no minimum of events: it has a minimum sample.
        ("gate", 6, 6, FAIL), ("gate", 1, 1, FAIL),
    ],
)  # fmt: skip
def test_a_rule_needs_seven_events_to_roll_back(use: Use, events: int, attempts: int, status: Status) -> None:
    verdict = evaluate(criterion("error_rate", 0.10, use=use), tally(attempts, events))
    assert verdict.status is status
    assert verdict.message.endswith("; a roll-back needs 7 of them") is (status is HOLD)


def test_a_rule_whose_bound_is_below_its_limit_does_not_speak_of_a_roll_back() -> None:
    assert "roll-back" not in evaluate(criterion("error_rate", 0.10, use="at_once"), tally(100, 6)).message
    at_bound = criterion("error_rate", wilson_lower(6, 6, ROLL_BACK_Z), use="at_once")
    assert "roll-back" not in evaluate(at_bound, tally(6, 6)).message


@pytest.mark.parametrize(
    ("use", "measure", "limit", "sample", "own_sample", "counted", "needed"),
    [
        ("gate", "error_rate", 0.5, 100, None, 99, 100),
        ("gate", "error_rate", 0.5, 100, None, 100, None),
        ("gate", "error_rate", 0.5, 100, None, 101, None),
        ("gate", "p95_time", 2, 100, None, 99, 100),
        ("gate", "p95_time", 2, 100, None, 100, None),
        # A mean needs 20 attempts, or its condition's minimum if that is higher.
        ("gate", "mean_time", 2, 1, None, 19, 20),
        ("gate", "mean_time", 2, 1, None, 20, None),
        ("gate", "mean_time", 2, 1, None, 21, None),
        ("gate", "mean_time", 2, 30, None, 29, 30),
        ("gate", "mean_time", 2, 30, None, 30, None),
        ("at_once", "mean_time", 2, 100, None, 19, 20),
        ("at_once", "mean_time", 2, 100, None, 20, None),
        ("at_once", "mean_time", 2, 50, 50, 49, 50),
        # A rule has no minimum but its own.
        ("at_once", "error_rate", 0.5, 100, None, 0, 1),
        ("at_once", "error_rate", 0.5, 100, None, 1, None),
        ("at_once", "error_rate", 0.5, 100, None, 2, None),
        ("at_once", "error_rate", 0.5, 50, 50, 49, 50),
        ("at_once", "error_rate", 0.5, 50, 50, 50, None),
    ],
)
def test_below_the_minimum_sample_size_the_no_data_policy_decides(
    *, use: Use, measure: str, limit: float, sample: int, own_sample: int | None, counted: int, needed: int | None
) -> None:
    for policy, status in (("hold", HOLD), ("pass", PASS), ("fail", FAIL)):
        fields = {"no_data": policy, "min_sample": own_sample}
        verdict = evaluate(criterion(measure, limit, use=use, sample=sample, **fields), tally(counted))
        if needed is None:
            assert "attempts needed" not in verdict.message
        else:
            assert (verdict.status, verdict.sample) == (status, counted)
            assert verdict.message == f"{counted} of {needed} attempts needed"


def test_times_have_the_sample_of_the_attempts_that_called_google() -> None:
    chirp = tally(30, seconds=1.0)
    chirp.attempts = 1_000
    for measure in ("mean_time", "p95_time"):
        verdict = evaluate(criterion(measure, 2, sample=31), chirp)
        assert (verdict.status, verdict.sample, verdict.message) == (HOLD, 30, "30 of 31 attempts needed")
    chirp = tally(1_000, seconds=1.0)
    chirp.attempts = 10
    assert evaluate(criterion("p95_time", 2, sample=31), chirp).sample == 1_000
    assert evaluate(criterion("mean_time", 2, sample=31), chirp).sample == 1_000
    assert evaluate(criterion("error_rate", 0.5, sample=31), chirp).message == "10 of 31 attempts needed"


def test_rates_have_the_sample_of_all_attempts() -> None:
    chirp = tally(1_000, 68, 68)
    chirp.timed = 10
    for measure in ("error_rate", "fallback_rate"):
        verdict = evaluate(criterion(measure, 0.05), chirp)
        assert (verdict.value, verdict.sample) == (0.068, 1_000)


@pytest.mark.parametrize(
    ("use", "slow", "status"),
    [
        ("gate", 38, PASS), ("gate", 39, HOLD), ("gate", 67, HOLD), ("gate", 68, FAIL),
        ("at_once", 38, PASS), ("at_once", 39, HOLD), ("at_once", 67, HOLD), ("at_once", 68, FAIL),
    ],
)  # fmt: skip
def test_the_95th_percentile_is_below_its_limit_if_five_percent_are_slower(use: Use, slow: int, status: Status) -> None:
    verdict = evaluate(criterion("p95_time", 2.5, use=use), tally(1_000, errors=900, fallbacks=900, slow=slow))
    assert (verdict.status, verdict.value, verdict.limit) == (status, slow / 1_000, 0.05)
    assert f"of 1,000 took longer than 2.5 s, at {'least' if use != 'gate' or status is FAIL else 'most'}" in (
        verdict.message
    )


def test_an_attempt_of_exactly_the_limit_is_not_slower() -> None:
    assert evaluate(criterion("p95_time", 2.0), tally(1_000, seconds=2.0)).value == 0
    assert evaluate(criterion("p95_time", 1.9), tally(1_000, seconds=2.0)).value == 1


@pytest.mark.parametrize("use", ["gate", "at_once"])
@pytest.mark.parametrize("tail", [False, True])
@pytest.mark.parametrize(("limit", "status"), [(2.5, PASS), (2.0, HOLD), (1.5, FAIL)])
def test_a_mean_without_spread_passes_below_and_fails_above_its_limit(
    use: Use, tail: bool, limit: float, status: Status
) -> None:
    chirp = tally(64, seconds=2.0)
    chirp.attempts = 1_000
    verdict = evaluate(criterion("mean_time", limit, use=use, tail=tail), chirp)
    assert (verdict.status, verdict.value, verdict.bound, verdict.sample) == (status, 2.0, 2.0, 64)


@pytest.mark.parametrize(
    ("use", "limit", "tail", "status", "side"),
    [
        # 100 attempts of 1 s and 3 s alternately: mean 2 s; at most 2.165 s with 95 %, at least 1.741 s with 99.5 %.
        ("gate", 2.17, False, PASS, "at most 2.165"),
        ("gate", 2.16, False, HOLD, "at most 2.17"),
        ("gate", 1.75, False, HOLD, "at most 2.17"),
        ("gate", 1.74, False, FAIL, "at least 1.741"),
        ("gate", 2.01, True, PASS, "at most 2.00"),
        ("gate", 1.99, True, HOLD, "at most 2.00"),
        ("at_once", 2.17, False, PASS, "at least 1.74"),
        ("at_once", 1.75, False, HOLD, "at least 1.74"),
        ("at_once", 1.74, False, FAIL, "at least 1.741"),
    ],
)
def test_a_mean_is_evaluated_by_its_confidence_bounds(
    use: Use, limit: float, tail: bool, status: Status, side: str
) -> None:
    chirp = Tally(100, 0, 0, 0, 100, seconds=200.0, squares=500.0)
    verdict = evaluate(criterion("mean_time", limit, use=use, tail=tail), chirp)
    assert verdict.status is status
    mean = "2.000" if side.endswith(("2.165", "1.741")) else "2.00"
    assert verdict.message == f"{mean} s on average over 100, {side} s by the bound; limit {limit:g} s"


@pytest.mark.parametrize(
    ("chirp_errors", "control_errors", "control_attempts", "noted"),
    [
        # Of 400: Chirp's 100 are at least 19.9 %; WaveNet's upper bound reaches that from 59 on.
        (100, 58, 400, False),
        (100, 59, 400, True),
        # WaveNet's lower bound is above the limit of 10 % from 56 on.
        (60, 55, 400, False),
        (60, 56, 400, True),
        (100, 0, 0, False),
    ],
)
@pytest.mark.parametrize("policy", ["roll_back", "hold"])
def test_a_failed_rate_is_compared_with_the_control(
    chirp_errors: int, control_errors: int, control_attempts: int, noted: bool, policy: str
) -> None:
    # WaveNet never falls back: its fallbacks must not count.
    control = tally(control_attempts, control_errors, fallbacks=control_attempts)
    for measure, chirp in (("error_rate", tally(400, chirp_errors)), ("fallback_rate", tally(400, 0, chirp_errors))):
        rule = criterion(measure, 0.10, use="at_once", when_control_fails=policy)
        # Attempts without a call have no time, and count in a rate.
        chirp.timed, control.timed = 1, 0
        verdict = evaluate(rule, chirp, control)
        assert verdict.status is (HOLD if noted and policy == "hold" else FAIL)
        assert verdict.value == chirp_errors / 400
        assert (f". WaveNet fails as much: {control_errors / 400:.2%} of 400" in verdict.message) is noted
    gate = criterion("error_rate", 0.10)
    assert evaluate(gate, tally(400, chirp_errors), control).status is FAIL


def test_a_control_whose_bound_is_exactly_at_the_limit_does_not_fail() -> None:
    limit = wilson_lower(30, 100, ROLL_BACK_Z)
    at_limit = evaluate(criterion("error_rate", limit, use="at_once"), tally(100, 31), tally(100, 30))
    assert (at_limit.status, "WaveNet" in at_limit.message) == (FAIL, False)
    below = evaluate(criterion("error_rate", limit - 1e-9, use="at_once"), tally(100, 31), tally(100, 30))
    assert "WaveNet fails as much" in below.message


def test_the_control_is_only_counted_when_a_rate_fails() -> None:
    def unused() -> Tally:
        raise AssertionError

    for counted in (tally(1_000, 38, 38), tally(1_000, 50, 50)):
        for measure in ("error_rate", "fallback_rate"):
            assert evaluate_measure(criterion(measure, 0.05, use="at_once"), counted, unused).status is not FAIL
    slow = tally(1_000, slow=500)
    assert evaluate_measure(criterion("p95_time", 2.0, use="at_once"), slow, unused).status is FAIL


def comparison(*windows: Arms, empty: int = 0) -> Comparison:
    """A comparison of these windows, after some in which nothing happened."""
    found = Comparison((2.0,), timedelta(minutes=5))
    for _ in range(empty):
        found.add(Window.of_attempts(()))
    for each in windows:
        found.add(Window.of_attempts([each]))
    return found


GOOD, BAD = Arms(100, 200, 2, 4), Arms(10, 190, 9, 1)
AS_GOOD = "Chirp is as good as WaveNet: "
MAY_BE = "Chirp may be worse than WaveNet, which isn't shown yet: "


@pytest.mark.parametrize(
    ("use", "compared", "status", "message"),
    [
        ("gate", comparison(GOOD), PASS,
         f"{AS_GOOD}2 of its 100 failed, 2 would have if both were equally good, and up to 4 by chance"),
        # One window of two like this is not enough evidence; chance alone makes that many rarely.
        ("gate", comparison(Arms(100, 200, 5, 2)), HOLD,
         f"{MAY_BE}5 of its 100 failed, 2 would have if both were equally good, and 4 at most by chance"),
        ("gate", comparison(Arms(99, 200, 1, 2)), HOLD, "99 of 100 attempts needed"),
        ("gate", comparison(Arms(100, 0, 1, 0)), PASS,
         "no control: WaveNet has no attempts to compare Chirp's 100 with"),
        # A rule needs no minimum sample: the test is valid at every look.
        ("step", comparison(Arms(99, 200, 1, 2)), PASS,
         f"{AS_GOOD}1 of its 99 failed, 0.99 would have if both were equally good, and up to 2.33 by chance"),
        ("step", comparison(Arms(0, 200, 0, 2)), HOLD, "Chirp has no attempts yet"),
        ("step", comparison(Arms(22, 10, 22, 0)), HOLD,
         f"{MAY_BE}22 of its 22 failed, 15 would have if both were equally good, and 19 at most by chance"),
        # After healthy windows only those count that speak against Chirp.
        ("step", comparison(GOOD, GOOD, BAD), FAIL,
         ("Chirp is worse than WaveNet: 9 of its 10 failed in the last 5.0 min, 0.5 would have if both were equally "
         "good")),
        ("gate", comparison(GOOD, GOOD, BAD, Arms(20, 180, 0, 0)), FAIL,
         ("Chirp is worse than WaveNet: 9 of its 30 failed in the last 10.0 min, 0.5 would have if both were equally "
         "good")),
    ],
)  # fmt: skip
def test_a_comparison_fails_once_its_evidence_is_above_the_threshold(
    *, use: Use, compared: Comparison, status: Status, message: str
) -> None:
    verdict = evaluate_comparison(criterion("errors_against_control", use=use, sample=100), compared, 100.0)
    assert (verdict.status, verdict.message, verdict.sample) == (status, message, compared.totals.chirp)
    if "needed" not in message:
        assert (verdict.value, verdict.limit) == (compared.test.evidence, 100.0)


def test_the_evidence_must_be_above_the_threshold_to_fail() -> None:
    compared = comparison(BAD)
    rule = criterion("errors_against_control", use="step")
    evidence = compared.test.evidence
    for threshold, status in ((evidence - 1e-9, FAIL), (evidence, HOLD), (evidence + 1e-9, HOLD)):
        assert evaluate_comparison(rule, compared, threshold).status is status


def test_time_without_any_event_is_no_failure_however_long_it_is() -> None:
    compared = comparison(Arms(10, 10, 0, 0), empty=1_000)
    verdict = evaluate_comparison(criterion("errors_against_control", use="step"), compared, 100.0)
    assert (verdict.status, verdict.value) == (PASS, 1_001)


def test_as_many_events_as_chance_explains_at_most_are_within_it() -> None:
    # In cells of one arm alone nothing is left to chance: Chirp has three events, and three are expected.
    compared = comparison()
    compared.add(Window.of_attempts([Arms(10, 0, 3, 0), Arms(0, 10, 0, 1)]))
    assert evaluate_comparison(criterion("errors_against_control", use="step"), compared, 100.0).status is PASS


def test_a_verdict_suffices_for_a_step_back_only_if_its_criterion_does() -> None:
    windowed = criterion("error_rate", 0.05, use="step")
    assert not windowed.suffices
    assert not Verdict("step", "error_rate", "5m", PASS).suffices
    assert not evaluate(windowed, tally(1_000, 68)).suffices
    assert evaluate(replace(windowed, suffices=True), tally(1_000, 68)).suffices


def test_a_comparison_of_times_speaks_of_slow_attempts() -> None:
    verdict = evaluate_comparison(criterion("slow_against_control", use="step"), comparison(BAD), 100.0)
    assert "9 of its 10 were slow in the last" in verdict.message


def test_a_comparison_adds_up_the_cells_of_its_windows() -> None:
    found = comparison()
    for _ in range(2):
        cells = [Arms(10, 30, 3, 5), Arms(100, 100, 30, 40), Arms(0, 7, 0, 1), Arms(0, 0, 0, 0)]
        found.add(Window.of_attempts(cells))
    totals = found.totals
    assert (totals.windows, totals.chirp, totals.control) == (2, 220, 274)
    assert (totals.chirp_events, totals.control_events) == (66, 92)
    # Of 8 events a quarter, of 70 half, of one none.
    assert totals.expected == pytest.approx(2 * (2 + 35))
    assert totals.variance == pytest.approx(2 * (8 * 3 / 16 + 70 / 4))


@pytest.mark.parametrize("use", ["gate", "step"])
def test_a_comparison_without_a_settled_window_has_no_data(use: Use) -> None:
    for policy, status in (("hold", HOLD), ("pass", PASS), ("fail", FAIL)):
        required = criterion("errors_against_control", use=use, sample=100, no_data=policy)
        verdict = evaluate_comparison(required, None, 4.0)
        assert (verdict.status, verdict.message, verdict.sample) == (status, "0 of 100 attempts needed", 0)


def test_a_times_limit_may_be_zero() -> None:
    assert evaluate(criterion("mean_time", 0.0), tally(100, seconds=0.5)).status is FAIL


def lookups(hits: int, misses: int) -> Tally:
    return Tally(attempts=misses, cached=hits)


@pytest.mark.parametrize(
    ("before", "now", "sample", "status"),
    [(19, 20, 19, HOLD), (20, 19, 19, HOLD), (20, 20, 20, PASS), (21, 20, 20, PASS), (20, 21, 21, PASS)],
)
def test_a_cache_hit_rate_needs_both_samples(before: int, now: int, sample: int, status: Status) -> None:
    required = criterion("cache_hit_rate", sample=20)
    verdict = evaluate_cache(required, lookups(before, 0), lookups(now, 0))
    assert (verdict.status, verdict.sample) == (status, sample)
    assert (verdict.message == f"{before} and {now} look-ups so far") is (status is HOLD)


def test_a_cache_hit_rate_fails_once_its_upper_bound_is_below_the_earlier_rate_minus_the_drop() -> None:
    early, late = lookups(100, 0), lookups(60, 40)
    upper = wilson_upper(60, 100, PROMOTE_Z)
    for drop, status in ((1 - upper + 1e-6, PASS), (1 - upper, PASS), (1 - upper - 1e-6, FAIL)):
        verdict = evaluate_cache(criterion("cache_hit_rate", drop=drop), early, late)
        assert (verdict.status, verdict.value, verdict.bound, verdict.sample) == (status, 0.6, upper, 100)
        assert verdict.limit == pytest.approx(1 - drop)
    assert verdict.message.endswith(
        "of 100 look-ups were hits, at most 67.6928% by the bound, 100.0000% earlier; limit 67.6929%"
    )


def test_a_cache_hit_rate_has_no_limit_below_zero() -> None:
    verdict = evaluate_cache(criterion("cache_hit_rate", drop=0.5), lookups(10, 90), lookups(0, 100))
    assert (verdict.status, verdict.limit) == (PASS, 0.0)


def test_hits_and_misses_are_not_confused() -> None:
    verdict = evaluate_cache(criterion("cache_hit_rate", drop=0.1), lookups(30, 70), lookups(10, 190))
    assert (verdict.value, verdict.sample, verdict.limit) == (0.05, 200, pytest.approx(0.2))
    assert verdict.message == "5.0% of 200 look-ups were hits, at most 8.2% by the bound, 30.0% earlier; limit 20.0%"
    without_drop = evaluate_cache(criterion("cache_hit_rate", use="step"), lookups(30, 70), lookups(10, 190))
    assert without_drop.limit == 0.3


def test_a_verdict_has_all_that_identifies_its_criterion() -> None:
    found = evaluate(criterion("error_rate", 0.05, use="at_once", dry_run=True), tally(1_000, 68))
    assert (found.use, found.title, found.window, found.dry_run) == ("at_once", "error_rate", "5m", True)
    assert (found.label, found.character) == ("error_rate (5m)", None)
    evidence = found.measurement()
    assert (evidence.gate, evidence.verdict, evidence.sample) == ("at_once error_rate 5m", "fail", 1_000)
    assert (evidence.value, evidence.limit, evidence.character) == (0.068, 0.05, None)
    of_ghoul = Verdict("gate", "error_rate", "stage", PASS, "ghoul")
    assert (of_ghoul.label, of_ghoul.dry_run) == ("error_rate of ghoul (stage)", False)


def test_only_a_rules_failure_rolls_back() -> None:
    assert criterion("error_rate", 0.05, use="at_once").is_rule
    assert not criterion("error_rate", 0.05).is_rule


def test_what_is_left_out_means_no_sample_no_braked_job_and_not_the_last_tenth() -> None:
    required = criterion("error_rate", 0.05)
    whole_stage = Criterion("gate", required.condition, "stage", BOUNDS, 1)
    # 40 of 1,000 are below the limit, their upper bound isn't: only the last tenth would pass.
    assert evaluate(whole_stage, tally(1_000, 40)).status is HOLD
    assert (required.verdict(HOLD, "").sample, Evaluation().braked) == (0, 0)
