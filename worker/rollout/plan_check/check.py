"""Checks a plan before it runs: reports what is wrong and unwise in it, each finding with its line. Pure."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from worker.rollout.plan.document import InvalidFileError
from worker.rollout.plan.findings import Finding, Severity
from worker.rollout.plan.model import Plan
from worker.rollout.plan.parser import PlanFile, parse_plan
from worker.rollout.plan.rehearsal import rehearse
from worker.rollout.plan.units import DAY
from worker.rollout.plan_check.conditions import check_conditions
from worker.rollout.plan_check.settings import check_settings
from worker.rollout.plan_check.stages import check_stages
from worker.rollout.plan_check.traffic import check_traffic


def check_plan(file: PlanFile, catalogue: Collection[str], day: timedelta = DAY) -> list[Finding]:
    """Return all findings about a plan, in the order of its lines.

    Args:
        file: as parsed, with days of 24 hours.
        catalogue: the keys of all characters.
        day: the length of a day in a rehearsal; the figures are the rehearsal's.
    """
    file = replace(file, plan=rehearse(file.plan, day))
    found = [
        *check_settings(file),
        *check_conditions(file),
        *check_stages(file, catalogue),
        *check_traffic(file, catalogue, day),
    ]
    # Stages that share the plan's conditions report the same findings.
    return sorted(dict.fromkeys(found), key=lambda each: each.line)


def usable_plan(text: str, name: str, catalogue: frozenset[str], day: timedelta = DAY) -> Plan:
    """Return a plan that may be started, its days shortened for a rehearsal; arguments as of `check_plan`.

    Raises:
        InvalidFileError: something in it is wrong; with all of that.
    """
    file = parse_plan(text, name, catalogue)
    if wrong := [each for each in check_plan(file, catalogue, day) if each.severity is Severity.WRONG]:
        raise InvalidFileError.from_findings(name, wrong)
    return rehearse(file.plan, day)
