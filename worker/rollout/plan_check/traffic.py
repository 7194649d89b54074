"""What is wrong and unwise in a plan at the traffic that it expects: samples, blind rules, quota, budget. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from schemas.revision import FULL_PERCENTAGE
from worker.rollout.analysis.verdict import Use
from worker.rollout.plan.conditions import AGAINST_CONTROL, TIMES, Measure, Rule
from worker.rollout.plan.file import PlanFile
from worker.rollout.plan.findings import Finding, Severity
from worker.rollout.plan.model import Stage, spelled
from worker.rollout.plan.units import about
from worker.rollout.plan.yaml import FieldPath
from worker.rollout.plan_check.forecast import HEALTHY, Detection, Exposure, attempts_for, detections, exposure
from worker.rollout.plan_check.locations import conditions_of, say

_ROUNDING: Final = 1e-9


def traffic_findings(file: PlanFile, catalogue: Collection[str], day: timedelta) -> Iterator[Finding]:
    """What is to be said about a plan at its expected traffic.

    Args:
        file: its plan as rehearsed.
        catalogue: the keys of all characters.
        day: how long a day lasts.
    """
    yield from _shares(file, catalogue)
    for number, stage in enumerate(file.plan.stages):
        if stage.enabled and stage.percentage:
            comes = exposure(file.plan, stage, catalogue, day=day)
            yield from _sample(file, number, comes, day)
            yield from _limits(file, number, comes)
            yield from _alone(file, number)
    for watched in watch(file, catalogue, day):
        yield from _blind(file, watched)


@dataclass(frozen=True)
class ExpectedTraffic:
    """A rule, and by stage how soon it sees breaches."""

    path: FieldPath
    use: Use
    rule: Rule
    by_stage: tuple[tuple[Stage, tuple[Detection, ...]], ...]


def watch(file: PlanFile, catalogue: Collection[str], day: timedelta) -> list[ExpectedTraffic]:
    """How soon each rule sees breaches in the stages that it rules; queries aside, of which nobody knows.

    Args:
        file: its plan as rehearsed.
        catalogue: the keys of all characters.
        day: how long a day lasts.
    """
    plan = file.plan
    found: dict[tuple[FieldPath, Use], tuple[Rule, list[tuple[Stage, tuple[Detection, ...]]]]] = {}
    for number, stage in enumerate(plan.stages):
        if not exposure(plan, stage, catalogue, day=day).attempts_a_day:
            continue
        for path, use, rule in conditions_of(plan, number):
            if isinstance(rule, Rule) and rule.measure not in {Measure.QUERY, Measure.CACHE_HIT_RATE}:
                seen = tuple(detections(plan, stage, use, rule, catalogue, day=day))
                found.setdefault((path, use), (rule, []))[1].append((stage, seen))
    return [ExpectedTraffic(path, use, rule, tuple(by_stage)) for (path, use), (rule, by_stage) in found.items()]


def _shares(file: PlanFile, catalogue: Collection[str]) -> Iterator[Finding]:
    shares = file.plan.expects.shares
    given = sum(shares.values())
    left_out = sorted(frozenset(catalogue) - frozenset(shares))
    if left_out and given > 1 - _ROUNDING:
        says = f"they come to {given:g}, and leave nothing to {', '.join(left_out)}"
    elif not left_out and abs(given - 1) > _ROUNDING:
        says = f"they are all given, and come to {given:g}"
    else:
        return
    yield say(file, Severity.WRONG, ("expects", "shares"), says, "shares of 1, such as 0.4")


def _sample(file: PlanFile, number: int, comes: Exposure, day: timedelta) -> Iterator[Finding]:
    plan, stage = file.plan, file.plan.stages[number]
    path: FieldPath = ("stages", number)
    if comes.needed is None:
        never = [gate.title for gate in plan.gates_of(stage) if attempts_for(plan, stage, gate) is None]
        says = f"{', '.join(never)}: a healthy system, with {HEALTHY:.0%}, never passes"
        yield say(file, Severity.WRONG, path, says, f"limits above {HEALTHY:g}")
        return
    if not comes.attempts_a_day:
        yield say(file, Severity.WRONG, path, "no attempts of Chirp are expected", "shares for its characters")
        return
    takes = day * (comes.needed / comes.attempts_a_day)
    told = (
        f"its gates need {comes.needed:,} attempts while {HEALTHY:.0%} fail, and {comes.attempts_a_day:,.0f} a day are "
        f"expected: {about(takes)}"
    )
    if stage.at_most is not None and takes > stage.at_most:
        says = f"{told}; after {spelled(stage.at_most)} it waits for a person"
        instead = f"at_most over {about(takes)}, a higher percentage, or higher limits"
        yield say(file, Severity.WRONG, path, says, instead)
    elif takes > stage.at_least:
        says = f"{told}, longer than at_least, {spelled(stage.at_least)}"
        yield say(file, Severity.NOTE, path, says, f"at_least: over {about(takes)}, if it should say how long it takes")


def _limits(file: PlanFile, number: int, comes: Exposure) -> Iterator[Finding]:
    limits, stage = file.plan.limits, file.plan.stages[number]
    path: FieldPath = ("stages", number, "percentage")
    most, budget = limits.chirp_requests_a_minute, limits.dollars_a_month
    if comes.peak_a_minute > most:
        fits = stage.percentage / 100 * most / comes.peak_a_minute
        says = f"{comes.peak_a_minute:,.0f} Chirp requests a minute at the peak; the quota is {most:,}"
        yield say(file, Severity.WRONG, path, says, f"at most {fits:.2g}, or the quota once Google has raised it")
    if budget is not None and comes.dollars_a_month > budget:
        says = f"{comes.dollars_a_month:,.0f} USD a month; the budget is {budget:,.0f}"
        yield say(file, Severity.WRONG, path, says, "a lower percentage, or a higher limits.dollars_a_month")


def _alone(file: PlanFile, number: int) -> Iterator[Finding]:
    compared = sorted({each.condition.title for each in conditions_of(file.plan, number)
                       if each.condition.measure in AGAINST_CONTROL})  # fmt: skip
    if compared and file.plan.stages[number].percentage == FULL_PERCENTAGE:
        says = f"at 100 % nobody is left to compare with: {', '.join(compared)} can't fail"
        yield say(
            file, Severity.NOTE, ("stages", number, "percentage"), says, "fixed limits decide alone; 99 keeps some"
        )


def _blind(file: PlanFile, watched: ExpectedTraffic) -> Iterator[Finding]:
    """Where a clear breach never fills the window, and no comparison, which forgets nothing, sees it instead."""
    if watched.rule.measure in AGAINST_CONTROL:
        return
    blind = {
        stage.name: next(each for each in seen if not each.slight and not each.seen)
        for stage, seen in watched.by_stage
        if not all(each.seen or each.slight for each in seen) and not _covered(file, stage, watched)
    }
    if blind:
        worst = next(iter(blind.values()))
        window = worst.window or timedelta(0)
        says = (
            f"to show {worst.breach} takes {worst.attempts:,} attempts, and in stage {', '.join(blind)} "
            f"{spelled(window)} doesn't bring so many; no comparison sees it there"
        )
        name = "short" if window == file.plan.windows.short else "long"
        yield say(file, Severity.UNWISE, watched.path, says, f"a longer windows.{name}, or a higher limit")


def _covered(file: PlanFile, stage: Stage, watched: ExpectedTraffic) -> bool:
    rules = file.plan.rules_of(stage)
    wanted = Measure.SLOW_AGAINST_CONTROL if watched.rule.measure in TIMES else Measure.ERRORS_AGAINST_CONTROL
    others = rules.character if watched.use == "character" else (*rules.at_once, *rules.step)
    return stage.percentage < FULL_PERCENTAGE and any(each.measure is wanted and not each.dry_run for each in others)
