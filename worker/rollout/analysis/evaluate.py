"""Evaluates one criterion by what was measured: status, numbers, and a sentence for people. Pure.

Rates and times are held against fixed limits by confidence bounds: a gate passes once the upper bound is below its
limit, a guardrail rule fails once the lower bound is above it.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypedDict

from worker.rollout.analysis.comparisons import ArmTotals, Comparison
from worker.rollout.analysis.confidence import mean_bounds, wilson_lower, wilson_upper
from worker.rollout.analysis.tally import Tally
from worker.rollout.analysis.verdict import Criterion, Status, Verdict
from worker.rollout.analysis.wording import number_beside, percent_beside, value_beside
from worker.rollout.plan.conditions import TIMES, Gate, Measure, Rule
from worker.rollout.plan.units import approximate_duration

P95_SHARE: Final = 0.05
"""The 95th percentile is above a limit if more than this share of attempts takes longer."""
MIN_SAMPLE_FOR_MEAN: Final = 20
"""Minimum sample size of a mean: below it the normal distribution doesn't hold."""
MIN_EVENTS_TO_ROLL_BACK: Final = 7
"""Failures below which no rule about a rate rolls back: by Wilson's bound alone one of one, or two of three, would.

Rules are evaluated every minute for weeks, for each character. In 300 simulated healthy weeks (2 % errors, limit 10 %,
windows of 5 min and 1 h moved on by the minute) one of 14 characters was wrongly quarantined, at 20, 100 and 200 Chirp
attempts in 5 min: by the bound alone in 100, 100, 98 %; from 15 attempts on in 7, 1, 31 %; from 20 in 1.7, 0.3, 1.3 %;
from 7 failures on in 0.3 % each. Half of 20 attempts failing is still detected in one window with 94 %.
"""
_VERBS: Final = {
    Measure.ERRORS_AGAINST_CONTROL: "failed",
    Measure.SLOW_AGAINST_CONTROL: "were slow",
    Measure.COMPLAINTS_AGAINST_CONTROL: "were complained about",
    Measure.ERROR_RATE: "failed",
    Measure.FALLBACK_RATE: "fell back",
    Measure.COMPLAINT_RATE: "were complained about",
}


def evaluate_measure(criterion: Criterion, chirp: Tally, control: Callable[[], Tally]) -> Verdict:
    """Evaluate a rate or a time against its fixed limit.

    Args:
        criterion: of a measure in `RATES` or `TIMES`.
        chirp: Chirp's attempts in the window.
        control: returns WaveNet's attempts in the same window; called only if a rate fails. WaveNet never falls back:
            its errors are compared with Chirp's fallbacks too.
    """
    measure, limit = criterion.condition.measure, criterion.condition.limit or 0.0
    events, attempts = _events(criterion, chirp)
    sample = chirp.timed if measure in TIMES else attempts
    needed = _needed_sample(criterion)
    if sample < needed:
        return criterion.small_sample_verdict(sample, needed)
    if measure is Measure.MEAN_TIME:
        return _evaluate_mean(criterion, chirp, limit)
    if measure is Measure.P95_TIME:
        slow = chirp.times.slower_than(limit)
        return _evaluate_rate(criterion, slow, chirp.timed, P95_SHARE, f"took longer than {limit:g} s")
    verdict = _evaluate_rate(criterion, events, attempts, limit, _VERBS[measure])
    if verdict.status is Status.FAIL:
        return _compare_with_control(criterion, verdict, (events, attempts), control())
    return verdict


def _events(criterion: Criterion, tally: Tally) -> tuple[int, int]:
    """Return what a rate counts, and of how many; for a time the errors, which it doesn't use."""
    if criterion.condition.measure is Measure.COMPLAINT_RATE:
        complaints = tally.complaints if criterion.character else tally.complainers
        # Complaints may come in a window after that of their completions.
        return min(complaints, tally.heard), tally.heard
    fell_back = criterion.condition.measure is Measure.FALLBACK_RATE
    return tally.fallbacks if fell_back else tally.errors, tally.attempts


def _needed_sample(criterion: Criterion) -> int:
    # A rule needs no minimum of the plan's: its bound and `MIN_EVENTS_TO_ROLL_BACK` are enough.
    needed = criterion.min_sample if not criterion.is_rule or criterion.condition.min_sample else 1
    return max(needed, MIN_SAMPLE_FOR_MEAN) if criterion.condition.measure is Measure.MEAN_TIME else needed


def _evaluate_rate(criterion: Criterion, events: int, attempts: int, limit: float, name: str) -> Verdict:
    rate = events / attempts
    lower = wilson_lower(events, attempts, criterion.bounds.roll_back_z)
    upper = rate if criterion.is_tail else wilson_upper(events, attempts, criterion.bounds.promote_z)
    too_few_events = criterion.is_rule and events < MIN_EVENTS_TO_ROLL_BACK
    fails = lower > limit and not too_few_events
    status = Status.FAIL if fails else Status.PASS if upper < limit else Status.HOLD
    bound = lower if criterion.is_rule or status is Status.FAIL else upper

    def write() -> str:
        shown_limit, shown_rate, shown_bound = percent_beside(limit, rate, bound)
        side = "at least" if bound == lower else "at most"
        by_bound = "" if criterion.is_tail else f"{side} {shown_bound} by the bound; "
        needs = f"; a roll-back needs {MIN_EVENTS_TO_ROLL_BACK} of them" if lower > limit and too_few_events else ""
        return f"{shown_rate} of {attempts:,} {name}, {by_bound}limit {shown_limit}{needs}"

    return criterion.verdict(status, write, value=rate, bound=bound, sample=attempts, limit=limit)


def _evaluate_mean(criterion: Criterion, chirp: Tally, limit: float) -> Verdict:
    sample, mean = chirp.timed, chirp.seconds / chirp.timed
    lower, _ = mean_bounds(sample, chirp.seconds, chirp.squares, criterion.bounds.roll_back_z)
    promote_z = 0.0 if criterion.is_tail else criterion.bounds.promote_z
    _, upper = mean_bounds(sample, chirp.seconds, chirp.squares, promote_z)
    status = Status.FAIL if lower > limit else Status.PASS if upper < limit else Status.HOLD
    bound = lower if criterion.is_rule or status is Status.FAIL else upper

    def write() -> str:
        side = "at least" if bound == lower else "at most"
        shown_limit, shown_mean, shown_bound = value_beside(limit, mean, bound)
        return f"{shown_mean} s on average over {sample:,}, {side} {shown_bound} s by the bound; limit {shown_limit} s"

    return criterion.verdict(status, write, value=mean, bound=bound, sample=sample)


def _compare_with_control(criterion: Criterion, verdict: Verdict, chirp: tuple[int, int], control: Tally) -> Verdict:
    """Note in a failed verdict that WaveNet fails as much, and hold if the rule says so: Chirp is hardly the cause."""
    is_complaint = criterion.condition.measure is Measure.COMPLAINT_RATE
    events, attempts = _events(criterion, control) if is_complaint else (control.errors, control.attempts)
    if not attempts:
        return verdict
    z = criterion.bounds.roll_back_z
    control_lower, control_upper = wilson_lower(events, attempts, z), wilson_upper(events, attempts, z)
    limit = criterion.condition.limit or 0.0
    if control_upper < wilson_lower(*chirp, z) or control_lower <= limit:
        return verdict
    verb = "is complained about" if is_complaint else "fails"
    message = f"{verdict.message}. WaveNet {verb} as much: {events / attempts:.2%} of {attempts:,}"
    hold = isinstance(criterion.condition, Rule) and criterion.condition.when_control_fails == "hold"
    return replace(verdict, wording=message, status=Status.HOLD if hold else verdict.status)


class _Numbers(TypedDict):
    """What a comparison's verdicts show."""

    value: float
    limit: float
    sample: int


def evaluate_comparison(criterion: Criterion, comparison: Comparison | None, threshold: float) -> Verdict:
    """Evaluate Chirp against the control arm: the sequential test's evidence is the value, its threshold the limit.

    Args:
        criterion: of a measure in `AGAINST_CONTROL`.
        comparison: None while no window is settled.
        threshold: the evidence above which Chirp is worse.
    """
    if comparison is None:
        return criterion.small_sample_verdict(0, criterion.min_sample)
    evidence, totals = comparison.test.evidence, comparison.totals
    verb = _VERBS[criterion.condition.measure]
    numbers = _Numbers(value=evidence, limit=threshold, sample=totals.chirp)
    # Without any event, evidence grows by one a window: that says nothing about Chirp.
    if evidence > threshold and (worst := comparison.deciding).chirp_events > worst.expected:
        expected = number_beside(worst.chirp_events, worst.expected, decimals=1)[1]
        message = (
            f"Chirp is worse than WaveNet: {worst.chirp_events:,} of its {worst.chirp:,} {verb} in the last "
            f"{approximate_duration(comparison.deciding_time)}, {expected} would have if both were equally good"
        )
        return criterion.verdict(Status.FAIL, message, **numbers)
    if not criterion.is_rule and totals.chirp < criterion.min_sample:
        return criterion.small_sample_verdict(totals.chirp, criterion.min_sample)
    what = "completions" if criterion.condition.measure is Measure.COMPLAINTS_AGAINST_CONTROL else "attempts"
    if not totals.chirp:
        return criterion.verdict(Status.HOLD, f"Chirp has no {what} yet", **numbers)
    if not totals.control:
        message = f"no control: WaveNet has no {what} to compare Chirp's {totals.chirp:,} with"
        return criterion.verdict(Status.PASS, message, **numbers)
    return _evaluate_difference(criterion, totals, verb, numbers)


def _evaluate_difference(criterion: Criterion, totals: ArmTotals, verb: str, numbers: _Numbers) -> Verdict:
    """Pass if Chirp has as few events as chance explains, else hold: it may be worse, though it isn't shown."""
    most = totals.expected + criterion.bounds.promote_z * math.sqrt(totals.variance)
    # The totals change with the next window: a sentence that is written later must have today's.
    events, attempts, exact = totals.chirp_events, totals.chirp, totals.expected
    is_within = events <= most

    def write() -> str:
        _, expected, bound = number_beside(events, exact, most)
        counts = f"{events:,} of its {attempts:,} {verb}, {expected} would have if both were equally good"
        if is_within:
            return f"Chirp is as good as WaveNet: {counts}, and up to {bound} by chance"
        return f"Chirp may be worse than WaveNet, which isn't shown yet: {counts}, and {bound} at most by chance"

    return criterion.verdict(Status.PASS if is_within else Status.HOLD, write, **numbers)


def evaluate_cache(criterion: Criterion, early: Tally, late: Tally) -> Verdict:
    """Evaluate a model's cache hit rate against its own earlier one.

    Args:
        criterion: of a gate.
        early: the model's look-ups after the warm-up.
        late: its most recent ones.
    """
    before, now = early.cached + early.attempts, late.cached + late.attempts
    sample = min(before, now)
    if sample < criterion.min_sample:
        return criterion.no_data_verdict(f"{before:,} and {now:,} look-ups so far", sample)
    early_rate, rate = early.cached / before, late.cached / now
    upper = wilson_upper(late.cached, now, criterion.bounds.promote_z)
    drop = criterion.condition.drop if isinstance(criterion.condition, Gate) else 0.0
    limit = max(0.0, early_rate - drop)
    shown_limit, shown_rate, shown_upper, shown_early = percent_beside(limit, rate, upper, early_rate, decimals=1)
    message = (
        f"{shown_rate} of {now:,} look-ups were hits, at most {shown_upper} by the bound, {shown_early} earlier; "
        f"limit {shown_limit}"
    )
    status = Status.PASS if upper >= limit else Status.FAIL
    return criterion.verdict(status, message, value=rate, bound=upper, limit=limit, sample=now)
