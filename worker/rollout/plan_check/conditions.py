"""Checks a plan's gates and roll-back rules: names, queries, and limits against each other. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from worker.rollout.analysis.verdict import Use
from worker.rollout.plan.conditions import RATES, TIMES, Condition, Gate, Measure, Rule
from worker.rollout.plan.findings import Finding, Severity
from worker.rollout.plan.model import Plan
from worker.rollout.plan.parser import PlanFile
from worker.rollout.plan.promql import part_with_several_series
from worker.rollout.plan.yaml import FieldPath

EXACT_STEPS: Final = "a multiple of 0.1 up to 10, of 1 above"
_FINE_S: Final = 10
_GATES_ALONE: Final = {Measure.CACHE_HIT_RATE: "the cache hit rate", Measure.PREFERENCE: "listeners' votes"}


class LocatedCondition(NamedTuple):
    """A gate or rule with its path in the file: below the stage if that has its own, else below the plan."""

    path: FieldPath
    use: Use
    condition: Condition


def conditions_of(plan: Plan, number: int) -> Iterator[LocatedCondition]:
    """Yield the gates and rules of a stage, with their paths."""
    stage = plan.stages[number]
    own: FieldPath = ("stages", number)
    for index, gate in enumerate(plan.gates_of(stage)):
        yield LocatedCondition((*(() if stage.gates is None else own), "gates", index), "gate", gate)
    rules = plan.rules_of(stage)
    uses: tuple[Use, ...] = ("at_once", "step", "character")
    for use in uses:
        for index, rule in enumerate(getattr(rules, use)):
            yield LocatedCondition((*(() if stage.roll_back is None else own), "roll_back", use, index), use, rule)


def is_exact(seconds: float) -> bool:
    """Whether `Durations.slower_than` counts the attempts above a time exactly."""
    return round(seconds, 1 if seconds <= _FINE_S else 0) == seconds


def check_conditions(file: PlanFile) -> Iterator[Finding]:
    """Check all gates and rules of all stages."""
    for number in range(len(file.plan.stages)):
        conditions = list(conditions_of(file.plan, number))
        seen: set[tuple[Use, str]] = set()
        for each in conditions:
            if (each.use, each.condition.title) in seen:
                message = f"a second condition named {each.condition.title}: people can't tell them apart"
                yield file.finding(Severity.WRONG, each.path, message, "give each a name of its own")
            seen.add((each.use, each.condition.title))
            yield from _check_condition(file, each)
        for path, use, gate in conditions:
            if use == "gate" and isinstance(gate, Gate) and _has_upper_limit(gate):
                yield from _check_limits(file, path, gate, _limits_of_rules(conditions, gate))


def _check_condition(file: PlanFile, located: LocatedCondition) -> Iterator[Finding]:
    path, use, condition = located
    if condition.measure is Measure.P95_TIME and condition.limit and not is_exact(condition.limit):
        message = f"{condition.limit:g} s isn't counted exactly"
        yield file.finding(Severity.WRONG, (*path, "limit"), message, EXACT_STEPS)
    if condition.query is not None and (part := part_with_several_series(condition.query)) is not None:
        message = f"may return several series ({part}), which is an error and never a pass"
        yield file.finding(Severity.UNWISE, (*path, "query"), message, f"such as sum({part})")
    if use != "gate" and (name := _GATES_ALONE.get(condition.measure)):
        yield file.finding(Severity.WRONG, path, f"only a gate can evaluate {name}", "move it to gates")
    if use == "character" and condition.query is not None:
        message = "a query covers all characters: its failure would quarantine every one of them"
        yield file.finding(Severity.WRONG, path, message, "move it to at_once or step")


def _has_upper_limit(gate: Gate) -> bool:
    return gate.measure in RATES | TIMES or (gate.measure is Measure.QUERY and not gate.above)


def _limits_of_rules(conditions: list[LocatedCondition], gate: Gate) -> dict[Use, float]:
    """Return the limits of the rules that measure what a gate does, by use; characters' rules aside."""
    return {
        use: rule.limit
        for _, use, rule in conditions
        if isinstance(rule, Rule)
        and use != "character"
        and (rule.measure, rule.query) == (gate.measure, gate.query)
        and rule.limit is not None
    }


def _check_limits(file: PlanFile, path: FieldPath, gate: Gate, limits: Mapping[Use, float]) -> Iterator[Finding]:
    """Check a gate's limit against those of the rules: between them the stage neither advances nor rolls back."""
    if gate.limit is None:
        return
    for use, limit in limits.items():
        if gate.limit > limit:
            message = f"passes below {gate.limit:g}, although {use} rolls back above {limit:g}"
            yield file.finding(Severity.WRONG, (*path, "limit"), message, f"at most {limit:g}")
    if not limits:
        message = f"above {gate.limit:g} the stage holds, however high the value: no rule rolls back for it"
        yield file.finding(Severity.NOTE, path, message, f"a rule of {gate.title} under roll_back, if it should")
        return
    lowest = min(limits.values())
    if gate.limit < lowest:
        message = f"from {gate.limit:g} to {lowest:g} the stage holds: no promotion, no roll-back, until at_most"
        yield file.finding(Severity.NOTE, path, message)
    at_once, step = limits.get("at_once"), limits.get("step")
    if at_once is not None and step is not None and at_once < step:
        message = f"at_once rolls back above {at_once:g}, before step does above {step:g}"
        yield file.finding(Severity.UNWISE, path, message, "a limit of step below at_once's")
