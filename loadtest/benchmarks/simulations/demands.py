"""The demands on the roll-back rules: which simulations are run, and in how many of them what must happen."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from worker.rollout.analysis.confidence import wilson_lower, wilson_upper
from worker.rollout.plan.conditions import AGAINST_CONTROL, Measure, RollBack, Rule
from worker.rollout.plan.file import read_plan_file
from worker.rollout.plan.model import Plan
from worker.rollout.plan.parser import parse_plan
from worker.rollout.plan.units import DAY
from worker.rollout.simulation.result import QUARANTINED, ROLL_BACKS, SimulatedRollout
from worker.rollout.simulation.trace import Trace
from worker.rollout.simulation.trace_file import parse_trace, read_trace_file

WEEK: Final = timedelta(days=7)
_CONFIDENCE_Z: Final = 1.645
_WIDTHS: Final = (43, 40, 8, 15, 17, 9, 3)


@dataclass(frozen=True)
class Case:
    """A plan over a trace; several demands may use its simulations."""

    name: str
    plan: Plan
    trace: Trace


@dataclass(frozen=True)
class Demand:
    """One demand.

    Attributes:
        case: whose simulations are used.
        description: what is counted.
        matches: whether a simulation counts.
        share: the demanded share of the simulations, in [0, 1].
        at_least: whether more than the share is demanded; else less.
    """

    case: Case
    description: str
    matches: Callable[[SimulatedRollout], bool]
    share: float
    at_least: bool

    def result(self, simulations: Sequence[SimulatedRollout]) -> "Result":
        """Count in some simulations of the case."""
        return Result(self, sum(map(self.matches, simulations)), len(simulations))


@dataclass(frozen=True)
class Result:
    """How many of `n` simulations match a demand."""

    demand: Demand
    count: int
    n: int

    @property
    def is_met(self) -> bool:
        """Whether the counted share meets the demanded one."""
        rate = self.count / self.n
        return rate > self.demand.share if self.demand.at_least else rate < self.demand.share

    def row(self) -> str:
        """Return a line of the table; its confidence bound shows how much n simulations can prove."""
        bound = wilson_lower if self.demand.at_least else wilson_upper
        side, sign = ("at least", ">") if self.demand.at_least else ("at most", "<")
        return _line(
            self.demand.case.name,
            self.demand.description,
            f"{self.count / self.n:.2%}",
            f"{self.count:,} of {self.n:,}",
            f"{side} {bound(self.count, self.n, _CONFIDENCE_Z):.2%}",
            f"{sign} {self.demand.share:.0%}",
            "yes" if self.is_met else "NO",
        )


def table_head() -> str:
    """Return the first line of the table."""
    return _line("case", "counted", "rate", "n", "95 % sure", "demanded", "met")


def all_demands(catalogue: frozenset[str]) -> list[Demand]:
    """Return all demands: on the production plan's rules in its first stage, 10 %, for a week without promotion."""
    production = parse_plan(read_plan_file("production")[1], "production", catalogue).plan
    acting = _one_stage(production, production.roll_back)
    watching = _one_stage(production, _dry_comparisons(production.roll_back))
    window, settle = acting.windows.short, acting.windows.settle

    def case(name: str, plan: Plan, trace: str, lasts: timedelta) -> Case:
        parsed = parse_trace(read_trace_file(trace)[1], trace, catalogue)
        return Case(name, plan, parsed.model_copy(update={"lasts": lasts}))

    healthy = case("healthy week, 2 % errors", acting, "healthy", WEEK)
    both = case("week with 6 h of 30 % errors in both models", watching, "both_ill", WEEK)
    half = case("Chirp at 50 % after a healthy day", acting, "chirp_half", DAY + 4 * window)
    late = {
        rate: case(f"Chirp at {rate} % after three healthy days", watching, f"late_{rate}", 3 * DAY + windows * window)
        for rate, windows in ((12, 15), (7, 40))
    }

    def is_detected(simulation: SimulatedRollout) -> bool:
        return _alarms_after(simulation, 3 * DAY)

    return [
        Demand(healthy, "rolled back", lambda each: _has_event(each, ROLL_BACKS), 0.01, at_least=False),
        Demand(
            healthy, f"one of {len(catalogue)} characters quarantined",
            lambda each: _has_event(each, {QUARANTINED}), 0.02, at_least=False,
        ),
        Demand(both, "a comparison with WaveNet alarms", _any_comparison_alarms, 0.01, at_least=False),
        Demand(
            half, "off within 2 windows",
            lambda each: _is_off_within(each, DAY, DAY + 2 * window + settle), 0.95, at_least=True,
        ),
        Demand(late[12], "the comparison alarms within 15 windows", is_detected, 0.95, at_least=True),
        Demand(late[7], "the comparison alarms within 40 windows", is_detected, 0.95, at_least=True),
    ]  # fmt: skip


def _line(*columns: str) -> str:
    return " ".join(column.ljust(width) for column, width in zip(columns, _WIDTHS, strict=True)).rstrip()


def _one_stage(plan: Plan, roll_back: RollBack) -> Plan:
    """Return the plan's first stage alone, without gates and longer than any trace, so that nothing is promoted."""
    stage = plan.stages[0].model_copy(update={"at_least": 2 * WEEK, "at_most": None, "approvals": ()})
    return plan.model_copy(update={"stages": (stage,), "gates": (), "roll_back": roll_back})


def _dry_comparisons(rules: RollBack) -> RollBack:
    """Return the comparisons as dry runs, without fixed limits: these would turn Chirp off before the comparison."""

    def dry(rules: Collection[Rule]) -> tuple[Rule, ...]:
        return tuple(each.model_copy(update={"dry_run": True}) for each in rules if each.measure in AGAINST_CONTROL)

    return RollBack(at_once=dry(rules.at_once), step=dry(rules.step), character=dry(rules.character))


def _has_event(simulation: SimulatedRollout, kinds: Collection[str]) -> bool:
    return any(each.kind in kinds for each in simulation.events)


def _any_comparison_alarms(simulation: SimulatedRollout) -> bool:
    return any(title in AGAINST_CONTROL for _, title, _ in simulation.first_failed)


def _is_off_within(simulation: SimulatedRollout, after: timedelta, until: timedelta) -> bool:
    return any(each.kind == "turned off" and after < each.after <= until for each in simulation.events)


def _alarms_after(simulation: SimulatedRollout, after: timedelta) -> bool:
    # The trace ends with the last window that counts. An alarm before the regression is a false one.
    first = simulation.first_failed.get(("step", Measure.ERRORS_AGAINST_CONTROL.value, None))
    return first is not None and first > after
