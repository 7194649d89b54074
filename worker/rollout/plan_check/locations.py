"""Where the conditions of a plan stand in its file, for what is said about them. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from worker.rollout.analysis.verdict import Use
from worker.rollout.plan.conditions import Condition
from worker.rollout.plan.file import PlanFile
from worker.rollout.plan.findings import Finding, Severity, field_path
from worker.rollout.plan.model import Plan
from worker.rollout.plan.yaml import FieldPath


class LocatedCondition(NamedTuple):
    """A gate or rule, and where it stands: in the plan, or in the stage if that has its own."""

    path: FieldPath
    use: Use
    condition: Condition


def conditions_of(plan: Plan, number: int) -> Iterator[LocatedCondition]:
    """The gates and rules that hold in a stage."""
    stage = plan.stages[number]
    own: FieldPath = ("stages", number)
    for place, gate in enumerate(plan.gates_of(stage)):
        yield LocatedCondition((*(() if stage.gates is None else own), "gates", place), "gate", gate)
    rules = plan.rules_of(stage)
    uses: tuple[Use, ...] = ("at_once", "step", "character")
    for use in uses:
        for place, rule in enumerate(getattr(rules, use)):
            yield LocatedCondition((*(() if stage.roll_back is None else own), "roll_back", use, place), use, rule)


def say(file: PlanFile, severity: Severity, path: FieldPath, says: str, instead: str = "") -> Finding:
    """A finding about a field, with its line."""
    return Finding(severity, file.line(*path), field_path(path), says, instead)
