"""Checks a plan's stages: texts against fields, approvals, missing gates and rules, growth between stages. Pure."""

import re
from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Final

from schemas.revision import FULL_PERCENTAGE
from worker.rollout.plan.findings import Finding, Severity
from worker.rollout.plan.model import Stage
from worker.rollout.plan.parser import PlanFile
from worker.rollout.plan.units import format_duration
from worker.rollout.plan.yaml import FieldPath
from worker.rollout.plan_check.conditions import conditions_of

_EVERYBODY: Final = re.compile(r"\ball (?:the |[0-9]+ )?characters\b|\beverybody\b|\beveryone\b", re.IGNORECASE)
_PERCENT: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%")


def check_stages(file: PlanFile, catalogue: Collection[str]) -> Iterator[Finding]:
    """Check each stage, then whether exposure grows from stage to stage."""
    for number, stage in enumerate(file.plan.stages):
        yield from _check_characters(file, number, catalogue)
        yield from _check_percentage(file, number)
        if stage.enabled:
            yield from _check_enabled(file, number)
            yield from _check_what_decides(file, number)
        else:
            yield from _check_disabled(file, number)
    yield from _check_growth(file)
    yield from _check_audiences(file)


def _check_audiences(file: PlanFile) -> Iterator[Finding]:
    """Find the stages of which nobody hears, and whom a roll-back in one of them reaches."""
    plan = file.plan
    if not plan.tell and not any(stage.tell for stage in plan.stages):
        message = "nobody is notified of anything, not even of a roll-back"
        yield file.finding(Severity.UNWISE, ("tell",), message, "tell: [team], and ROLLOUT_WEBHOOKS with its address")
        return
    heard: set[str] = set()
    for number, stage in enumerate(plan.stages):
        if stage.enabled and not plan.audiences_of(stage):
            reached = f"a roll-back reaches {_join(heard)} alone" if heard else "a roll-back reaches nobody"
            message = f"nobody is notified of what happens in stage {stage.name}, and {reached}"
            suggestion = "tell: [team] here, or at the plan for all stages and each roll-back"
            yield file.finding(Severity.UNWISE, ("stages", number), message, suggestion)
        heard |= set(stage.tell)


def _check_disabled(file: PlanFile, number: int) -> Iterator[Finding]:
    stage, path = file.plan.stages[number], ("stages", number)
    if stage.percentage:
        message = f"{stage.percentage / 100:g} % of a stage with enabled: false is nobody"
        yield file.finding(Severity.UNWISE, (*path, "percentage"), message, "percentage: 0")
    if not stage.approvals:
        message = "nothing is measured and no approval is required: the stage passes by its time alone"
        yield file.finding(Severity.NOTE, path, message, "approvals: [{name: …, question: …}]")


def _check_enabled(file: PlanFile, number: int) -> Iterator[Finding]:
    stage, path = file.plan.stages[number], ("stages", number)
    if not stage.fallback:
        message = "off: each failed attempt of Chirp fails its job, which WaveNet could have answered"
        risk = "" if stage.risk == "high" else ", or risk: high"
        yield file.finding(Severity.UNWISE, (*path, "fallback"), message, f"fallback: true{risk}")
    if stage.risk == "high" and not stage.approvals:
        suggestion = "approvals: [{name: …, question: …}]"
        yield file.finding(Severity.UNWISE, path, "risk: high, and no approval is required", suggestion)
    if stage.at_most is None:
        message = "no at_most: the stage may hold for ever, and nobody is notified"
        yield file.finding(Severity.NOTE, path, message, f"such as at_most: {format_duration(stage.at_least * 3)}")


def _check_what_decides(file: PlanFile, number: int) -> Iterator[Finding]:
    stage, path = file.plan.stages[number], ("stages", number)
    deciding = {each.use for each in conditions_of(file.plan, number) if not each.condition.dry_run}
    if "gate" not in deciding:
        yield file.finding(Severity.UNWISE, path, "no gate decides: it passes by time and approvals", "gates: […]")
    if "at_once" not in deciding:
        yield file.finding(Severity.UNWISE, path, "no rule turns Chirp off", "roll_back: {at_once: […]}")
    rules = file.plan.rules_of(stage)
    if rules.character and not rules.quarantine:
        where: FieldPath = (*(path if stage.roll_back is not None else ()), "roll_back", "quarantine")
        yield file.finding(Severity.WRONG, where, "a quarantine of no time", "such as 1d")


def _check_characters(file: PlanFile, number: int, catalogue: Collection[str]) -> Iterator[Finding]:
    """Compare the characters that a stage's text names with those that it lists."""
    stage = file.plan.stages[number]
    listed, named = stage.characters, _named(stage.text, catalogue)
    everybody = _EVERYBODY.search(stage.text) is not None
    if everybody:
        if listed is None or listed == frozenset(catalogue):
            return
        message, suggestion = f"{_join(listed)}, and the text says all of them", "characters: all"
    elif not named or named == listed:
        return
    elif listed is None:
        message, suggestion = f"all, and the text names {_join(named)}", f"characters: [{_join(named)}]"
    else:
        message = f"{_join(listed)}, and the text names {_join(named)}"
        suggestion = f"characters: [{_join(named)}], or another text"
    yield file.finding(Severity.UNWISE, ("stages", number, "characters"), message, suggestion)


def _named(text: str, catalogue: Collection[str]) -> frozenset[str]:
    words = re.sub(r"[ -]", "_", text.lower())
    return frozenset(name for name in catalogue if re.search(rf"(?<![a-z]){re.escape(name)}(?![a-z])", words))


def _check_percentage(file: PlanFile, number: int) -> Iterator[Finding]:
    """Compare the percentage that a stage's text names with its own."""
    stage = file.plan.stages[number]
    in_text = {round(float(each) * 100) for each in _PERCENT.findall(stage.text)}
    if in_text and stage.percentage not in in_text:
        named = ", ".join(f"{each / 100:g} %" for each in sorted(in_text))
        message = f"{stage.percentage / 100:g}, and the text says {named}"
        yield file.finding(Severity.UNWISE, ("stages", number, "percentage"), message, "the same in both")


def _join(names: Collection[str]) -> str:
    return ", ".join(sorted(names))


def _check_growth(file: PlanFile) -> Iterator[Finding]:
    stages = [(number, each) for number, each in enumerate(file.plan.stages) if each.enabled and each.percentage]
    if stages and stages[0][1].percentage > FULL_PERCENTAGE // 2:
        number, first = stages[0]
        message = f"the first stage with Chirp begins at {first.percentage / 100:g} %"
        yield file.finding(Severity.UNWISE, ("stages", number, "percentage"), message, "a stage of 10 before it")
    for (_, before), (number, after) in pairwise(stages):
        if _is_narrower(after, before):
            message = f"less than the stage before it ({before.name}): the promotion takes Chirp from users who had it"
            yield file.finding(Severity.UNWISE, ("stages", number, "percentage"), message, "stages that grow")


def _is_narrower(after: Stage, before: Stage) -> bool:
    if after.characters is not None and (before.characters is None or after.characters < before.characters):
        return after.percentage <= before.percentage
    return after.characters == before.characters and after.percentage < before.percentage
