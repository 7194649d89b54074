"""What is wrong and what is unwise in a plan that can be read: its fields held against each other. Pure.

What it comes to at the traffic that it expects is `plan_traffic.py`'s.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Final

from schemas.revision import FULL_PERCENTAGE
from worker.rollout.analysis.verdict import Use
from worker.rollout.plan.checked_file import InvalidFileError
from worker.rollout.plan.conditions import RATES, TIMES, Gate, Measure, Rule
from worker.rollout.plan.file import PlanFile, read_plan
from worker.rollout.plan.findings import Finding, Severity
from worker.rollout.plan.model import Plan, Stage, spelled
from worker.rollout.plan.promql import may_give_several
from worker.rollout.plan.units import DAY
from worker.rollout.plan.yaml import FieldPath
from worker.rollout.plan_check.locations import LocatedCondition, conditions_of, say
from worker.rollout.plan_check.traffic import traffic_findings

_EVERYBODY: Final = re.compile(r"\ball (?:the |[0-9]+ )?characters\b|\beverybody\b|\beveryone\b", re.IGNORECASE)
_PERCENT: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%")
_FINE_S: Final = 10
_MOST_BANDS: Final = 8
_STEPS: Final = "a multiple of 0.1 up to 10, of 1 above"


def check(file: PlanFile, catalogue: Collection[str], day: timedelta = DAY) -> list[Finding]:
    """All that is to be said about a plan, in the order of its lines.

    Args:
        file: as read.
        catalogue: the keys of all characters.
        day: how long a day lasts, for a rehearsal's figures.
    """
    file = replace(file, plan=file.plan.rehearsed(day))
    found = [
        *_settings(file),
        *_conditions(file),
        *(each for number in range(len(file.plan.stages)) for each in _stage(file, number, catalogue)),
        *_growth(file),
        *traffic_findings(file, catalogue, day),
    ]
    return sorted(dict.fromkeys(found), key=lambda each: each.line)


def usable_plan(text: str, name: str, catalogue: frozenset[str], day: timedelta = DAY) -> Plan:
    """A plan that may be started, as rehearsed; arguments as of `read_plan` and `check`.

    Raises:
        InvalidFileError: something in it is wrong; with all of that.
    """
    file = read_plan(text, name, catalogue)
    if wrong := [each for each in check(file, catalogue, day) if each.severity is Severity.WRONG]:
        raise InvalidFileError.from_findings(name, wrong)
    return file.plan.rehearsed(day)


def _settings(file: PlanFile) -> Iterator[Finding]:
    plan = file.plan
    windows, control = plan.windows, plan.control
    if windows.short < windows.settle:
        says = (
            f"{spelled(windows.short)} is shorter than settle, {spelled(windows.settle)}: what it sees is over by then"
        )
        yield say(file, Severity.UNWISE, ("windows", "short"), says, f"at least {spelled(windows.settle)}")
    if control.over < windows.short:
        says = (
            f"{spelled(control.over)} is shorter than a window, {spelled(windows.short)}: everything would be an alarm"
        )
        yield say(file, Severity.WRONG, ("control", "over"), says, "the time that alpha is for, such as 7d")
    if not _exact(control.slow):
        says = f"{control.slow:g} s isn't counted exactly"
        yield say(file, Severity.WRONG, ("control", "slow"), says, _STEPS)
    if not plan.length_bands:
        says = "times of short and long texts are compared with each other"
        yield say(file, Severity.UNWISE, ("length_bands",), says, "leave it out, or write such as [50, 150, 500]")
    elif len(plan.length_bands) > _MOST_BANDS:
        says = f"{len(plan.length_bands) + 1} bands leave few attempts in each, and only bands with both models count"
        yield say(file, Severity.UNWISE, ("length_bands",), says, f"at most {_MOST_BANDS}")


def _exact(seconds: float) -> bool:
    """Whether `Tally.over` counts what took longer exactly."""
    return round(seconds, 1 if seconds <= _FINE_S else 0) == seconds


def _conditions(file: PlanFile) -> Iterator[Finding]:
    for number in range(len(file.plan.stages)):
        conditions = list(conditions_of(file.plan, number))
        seen: set[tuple[Use, str]] = set()
        for path, use, condition in conditions:
            if (use, condition.title) in seen:
                says = f"a second one that is called {condition.title}: people can't tell them apart"
                yield say(file, Severity.WRONG, path, says, "give each a name of its own")
            seen.add((use, condition.title))
            if condition.measure is Measure.P95_TIME and condition.limit and not _exact(condition.limit):
                says = f"{condition.limit:g} s isn't counted exactly"
                yield say(file, Severity.WRONG, (*path, "limit"), says, _STEPS)
            if condition.query is not None and (part := may_give_several(condition.query)) is not None:
                says = f"may give several series ({part}), which is an error and never a pass"
                yield say(file, Severity.UNWISE, (*path, "query"), says, f"such as sum({part})")
            if use in {"at_once", "step", "character"} and condition.measure is Measure.CACHE_HIT_RATE:
                yield say(file, Severity.WRONG, path, "only a gate judges the cache hit rate", "move it to gates")
            if use == "character" and condition.query is not None:
                says = "a query knows no character: where it fails, all are taken out"
                yield say(file, Severity.WRONG, path, says, "move it to at_once or step")
        yield from _bands(file, conditions)


def _bands(file: PlanFile, conditions: list[LocatedCondition]) -> Iterator[Finding]:
    gates = [(path, each) for path, _, each in conditions if isinstance(each, Gate) and _ordered(each)]
    for path, gate in gates:
        limits = {
            use: rule.limit
            for _, use, rule in conditions
            if isinstance(rule, Rule) and use != "character" and _same(rule, gate) and rule.limit is not None
        }
        for use, limit in limits.items():
            if gate.limit is not None and gate.limit > limit:
                says = f"passes below {gate.limit:g} what {use} rolls back from {limit:g} on"
                yield say(file, Severity.WRONG, (*path, "limit"), says, f"at most {limit:g}")
        lowest = min(limits.values(), default=None)
        if gate.limit is not None and lowest is not None and gate.limit < lowest:
            says = f"from {gate.limit:g} to {lowest:g} the stage holds: no promotion, no roll-back, until at_most"
            yield say(file, Severity.NOTE, path, says)
        if gate.limit is not None and not limits:
            says = f"above {gate.limit:g} the stage holds, however far: no rule rolls back for it"
            yield say(file, Severity.NOTE, path, says, f"a rule of {gate.title} under roll_back, if it should")
        if "step" in limits and limits.get("at_once", 1e9) < limits["step"]:
            says = f"at_once rolls back from {limits['at_once']:g} on, before step does from {limits['step']:g} on"
            yield say(file, Severity.UNWISE, path, says, "a limit of step below at_once's")


def _ordered(gate: Gate) -> bool:
    return gate.measure in RATES | TIMES or (gate.measure is Measure.QUERY and not gate.above)


def _same(rule: Rule, gate: Gate) -> bool:
    return rule.measure is gate.measure and rule.query == gate.query


def _stage(file: PlanFile, number: int, catalogue: Collection[str]) -> Iterator[Finding]:
    stage, path = file.plan.stages[number], ("stages", number)
    yield from _texts(file, number, catalogue)
    if not stage.enabled:
        if stage.percentage:
            says = f"{stage.percentage / 100:g} % of a stage with enabled: false is nobody"
            yield say(file, Severity.UNWISE, (*path, "percentage"), says, "percentage: 0")
        if not stage.approvals:
            says = "nobody is asked and nothing is measured: it passes by its time alone"
            yield say(file, Severity.NOTE, path, says, "approvals: [{name: …, question: …}]")
        return
    if not stage.fallback:
        says = "off: a failed attempt of Chirp is a failed job, where the fallback would have spoken it"
        risk = "" if stage.risk == "high" else ", or risk: high"
        yield say(file, Severity.UNWISE, (*path, "fallback"), says, f"fallback: true{risk}")
    if stage.risk == "high" and not stage.approvals:
        yield say(file, Severity.UNWISE, path, "risk: high, and nobody is asked", "approvals: [{name: …, question: …}]")
    if stage.risk == "high" and not stage.tell:
        yield say(file, Severity.NOTE, path, "risk: high, and nobody is told", "tell: [team]")
    if stage.at_most is None:
        says = "no at_most: it may hold for ever, and nobody is told that it does"
        yield say(file, Severity.NOTE, path, says, f"such as at_most: {spelled(stage.at_least * 3)}")
    yield from _judged(file, number)


def _judged(file: PlanFile, number: int) -> Iterator[Finding]:
    stage, path = file.plan.stages[number], ("stages", number)
    deciding = [(use, each) for _, use, each in conditions_of(file.plan, number) if not each.dry_run]
    if not any(use == "gate" for use, _ in deciding):
        yield say(file, Severity.UNWISE, path, "no gate decides: it passes by time and answers", "gates: […]")
    if not any(use == "at_once" for use, _ in deciding):
        yield say(file, Severity.UNWISE, path, "no rule turns Chirp off", "roll_back: {at_once: […]}")
    rules = file.plan.rules_of(stage)
    if rules.character and not rules.quarantine:
        where: FieldPath = (*(path if stage.roll_back is not None else ()), "roll_back", "quarantine")
        yield say(file, Severity.WRONG, where, "a quarantine of no time", "such as 1d")


def _texts(file: PlanFile, number: int, catalogue: Collection[str]) -> Iterator[Finding]:
    stage = file.plan.stages[number]
    path: FieldPath = ("stages", number, "characters")
    words = re.sub(r"[ -]", "_", stage.text.lower())
    named = frozenset(name for name in catalogue if re.search(rf"(?<![a-z]){re.escape(name)}(?![a-z])", words))
    everybody = _EVERYBODY.search(stage.text) is not None
    listed = stage.characters
    if listed is None and named and not everybody:
        says = f"all, and the text names {_listed(named)}"
        yield say(file, Severity.UNWISE, path, says, f"characters: [{_listed(named)}]")
    elif listed is not None and everybody and listed != frozenset(catalogue):
        says = f"{_listed(listed)}, and the text says all of them"
        yield say(file, Severity.UNWISE, path, says, "characters: all")
    elif listed is not None and named and not everybody and named != listed:
        says = f"{_listed(listed)}, and the text names {_listed(named)}"
        yield say(file, Severity.UNWISE, path, says, f"characters: [{_listed(named)}], or another text")
    told = {round(float(each) * 100) for each in _PERCENT.findall(stage.text)}
    if told and stage.percentage not in told:
        says = (
            f"{stage.percentage / 100:g}, and the text says {', '.join(f'{each / 100:g} %' for each in sorted(told))}"
        )
        yield say(file, Severity.UNWISE, ("stages", number, "percentage"), says, "the same in both")


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))


def _growth(file: PlanFile) -> Iterator[Finding]:
    stages = [(number, each) for number, each in enumerate(file.plan.stages) if each.enabled and each.percentage]
    if stages and stages[0][1].percentage > FULL_PERCENTAGE // 2:
        number, first = stages[0]
        says = f"the first stage with Chirp begins at {first.percentage / 100:g} %"
        yield say(file, Severity.UNWISE, ("stages", number, "percentage"), says, "a stage of 10 before it")
    for (_, before), (number, after) in pairwise(stages):
        if _narrower(after, before):
            says = f"less than the stage before it ({before.name}): going on takes Chirp from those who had it"
            yield say(file, Severity.UNWISE, ("stages", number, "percentage"), says, "stages that grow")


def _narrower(after: Stage, before: Stage) -> bool:
    if after.characters is not None and (before.characters is None or after.characters < before.characters):
        return after.percentage <= before.percentage
    return after.characters == before.characters and after.percentage < before.percentage
