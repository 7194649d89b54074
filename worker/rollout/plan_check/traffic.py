"""Checks a plan at its expected traffic: sample sizes, rules that can't detect a breach, quota and budget. Pure."""

from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Final

from schemas.revision import FULL_PERCENTAGE
from worker.rollout.plan.conditions import AGAINST_CONTROL, TIMES, Gate, Measure
from worker.rollout.plan.findings import Finding, Severity
from worker.rollout.plan.model import Stage
from worker.rollout.plan.parser import PlanFile
from worker.rollout.plan.units import approximate_duration, format_duration
from worker.rollout.plan.yaml import FieldPath
from worker.rollout.plan_check.conditions import conditions_of
from worker.rollout.plan_check.detection import RuleDetections, all_detections
from worker.rollout.plan_check.forecast import HEALTHY, StageForecast, attempts_to_pass, forecast_stage

_ROUNDING: Final = 1e-9


def check_traffic(file: PlanFile, catalogue: Collection[str], day: timedelta) -> Iterator[Finding]:
    """Check a plan at its expected traffic.

    Args:
        file: its plan rehearsed, if `day` is shorter than 24 hours.
        catalogue: the keys of all characters.
        day: the length of a day.
    """
    yield from _check_shares(file, catalogue)
    for number, stage in enumerate(file.plan.stages):
        if stage.enabled and stage.percentage:
            forecast = forecast_stage(file.plan, stage, catalogue, day=day)
            yield from _check_sample(file, number, forecast, day)
            yield from _check_limits(file, number, forecast)
            yield from _check_control(file, number)
            yield from _check_votes(file, number, catalogue)
    for each in all_detections(file, catalogue, day):
        yield from _check_detection(file, each)


def _check_shares(file: PlanFile, catalogue: Collection[str]) -> Iterator[Finding]:
    shares = file.plan.expects.shares
    given = sum(shares.values())
    left_out = sorted(frozenset(catalogue) - frozenset(shares))
    if left_out and given > 1 - _ROUNDING:
        message = f"their sum is {given:g}, which leaves nothing for {', '.join(left_out)}"
    elif not left_out and abs(given - 1) > _ROUNDING:
        message = f"every character has one, and their sum is {given:g}"
    else:
        return
    yield file.finding(Severity.WRONG, ("expects", "shares"), message, "shares of 1, such as 0.4")


def _check_sample(file: PlanFile, number: int, forecast: StageForecast, day: timedelta) -> Iterator[Finding]:
    plan, stage = file.plan, file.plan.stages[number]
    path: FieldPath = ("stages", number)
    if forecast.needed is None:
        never = [gate.title for gate in plan.gates_of(stage) if attempts_to_pass(plan, stage, gate) is None]
        message = f"{', '.join(never)}: a healthy system, with {HEALTHY:.0%}, never passes"
        yield file.finding(Severity.WRONG, path, message, f"limits above {HEALTHY:g}")
        return
    if not forecast.attempts_a_day:
        yield file.finding(
            Severity.WRONG, path, "no attempts of Chirp are expected", "shares for the stage's characters"
        )
        return
    takes = day * (forecast.needed / forecast.attempts_a_day)
    about = approximate_duration(takes)
    need = (
        f"its gates need {forecast.needed:,} attempts while {HEALTHY:.0%} fail, and {forecast.attempts_a_day:,.0f} "
        f"a day are expected: {about}"
    )
    if stage.at_most is not None and takes > stage.at_most:
        message = f"{need}; after {format_duration(stage.at_most)} the stage waits for a person"
        suggestion = f"at_most over {about}, a higher percentage, or higher limits"
        yield file.finding(Severity.WRONG, path, message, suggestion)
    elif takes > stage.at_least:
        message = f"{need}, longer than at_least, {format_duration(stage.at_least)}"
        suggestion = f"at_least: over {about}, if it should state the real duration"
        yield file.finding(Severity.NOTE, path, message, suggestion)


def _check_limits(file: PlanFile, number: int, forecast: StageForecast) -> Iterator[Finding]:
    limits, stage = file.plan.limits, file.plan.stages[number]
    path: FieldPath = ("stages", number, "percentage")
    quota, budget = limits.chirp_requests_a_minute, limits.dollars_a_month
    if forecast.peak_a_minute > quota:
        fits = stage.percentage / 100 * quota / forecast.peak_a_minute
        message = f"{forecast.peak_a_minute:,.0f} Chirp requests a minute at the peak; the quota is {quota:,}"
        suggestion = f"at most {fits:.2g}, or the quota once Google has raised it"
        yield file.finding(Severity.WRONG, path, message, suggestion)
    if budget is not None and forecast.dollars_a_month > budget:
        message = f"{forecast.dollars_a_month:,.0f} USD a month; the budget is {budget:,.0f}"
        yield file.finding(Severity.WRONG, path, message, "a lower percentage, or a higher limits.dollars_a_month")
    elif budget is not None and number and forecast.dollars_without_stored_takes > budget:
        message = (
            f"{forecast.dollars_without_stored_takes:,.0f} USD a month while each line is a new take, as for a model "
            f"that has just begun; over the budget, {budget:,.0f}, the stage before holds"
        )
        yield file.finding(Severity.NOTE, path, message, "limits.dollars_a_month for a month of new takes")


def _check_control(file: PlanFile, number: int) -> Iterator[Finding]:
    """At 100 % there is no control arm, so that comparisons can't fail."""
    stage = file.plan.stages[number]
    compared = sorted(
        {each.condition.title for each in conditions_of(file.plan, number) if each.condition.measure in AGAINST_CONTROL}
    )
    if not compared or stage.percentage != FULL_PERCENTAGE:
        return
    path: FieldPath = ("stages", number, "percentage")
    step = [each for each in file.plan.rules_of(stage).step if not each.dry_run]
    if step and all(each.measure in AGAINST_CONTROL for each in step):
        message = (
            f"at 100 % there is no control to compare with: nothing steps back, as {', '.join(compared)} can't fail"
        )
        suggestion = "a rule of error_rate under step, such as {measure: error_rate, limit: 0.05, last: 2000}"
        yield file.finding(Severity.UNWISE, path, message, suggestion)
        return
    message = f"at 100 % there is no control to compare with: {', '.join(compared)} can't fail"
    yield file.finding(Severity.NOTE, path, message, "fixed limits decide alone; 99 keeps a control")


def _check_votes(file: PlanFile, number: int, catalogue: Collection[str]) -> Iterator[Finding]:
    """Name the votes that a stage waits for: they come from people, not from traffic."""
    stage = file.plan.stages[number]
    characters = len(catalogue if stage.characters is None else stage.characters)
    for path, _, gate in conditions_of(file.plan, number):
        if isinstance(gate, Gate) and gate.measure is Measure.PREFERENCE and not gate.dry_run:
            message = (
                f"stage {stage.name} waits for some {gate.votes} votes on each of its characters, "
                f"{characters * gate.votes:,} in all"
            )
            yield file.finding(
                Severity.NOTE, path, message, "dry_run: true, if votes should be shown and decide nothing"
            )


def _check_detection(file: PlanFile, detections: RuleDetections) -> Iterator[Finding]:
    """Find the stages in which a rule can't detect a clear breach, and no comparison detects it instead.

    A window may be too short for the attempts that it takes; a comparison keeps all evidence.
    """
    if detections.rule.measure in AGAINST_CONTROL:
        return
    missed = {
        stage.name: next(each for each in in_stage if not each.slight and not each.is_detected)
        for stage, in_stage in detections.by_stage
        if not all(each.is_detected or each.slight for each in in_stage) and not _is_covered(file, stage, detections)
    }
    if missed:
        worst = next(iter(missed.values()))
        window = worst.window or timedelta(0)
        message = (
            f"to show {worst.breach} takes {worst.attempts:,} attempts, and in stage {', '.join(missed)} "
            f"{format_duration(window)} has fewer; no comparison detects it there"
        )
        name = "short" if window == file.plan.windows.short else "long"
        suggestion = f"last: {worst.attempts} or more, a longer windows.{name}, or a higher limit"
        yield file.finding(Severity.UNWISE, detections.path, message, suggestion)


def _is_covered(file: PlanFile, stage: Stage, detections: RuleDetections) -> bool:
    rules = file.plan.rules_of(stage)
    wanted = Measure.SLOW_AGAINST_CONTROL if detections.rule.measure in TIMES else Measure.ERRORS_AGAINST_CONTROL
    if detections.rule.measure is Measure.COMPLAINT_RATE:
        wanted = Measure.COMPLAINTS_AGAINST_CONTROL
    others = rules.character if detections.use == "character" else (*rules.at_once, *rules.step)
    return stage.percentage < FULL_PERCENTAGE and any(each.measure is wanted and not each.dry_run for each in others)
