"""What is demanded of the roll-back rules: the cases that are simulated, and what is counted in their courses."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from worker.rollout.analysis.confidence import wilson_lower, wilson_upper
from worker.rollout.plan.file import find_plan, read_plan
from worker.rollout.plan.model import AGAINST_CONTROL, DAY, Measure, Plan, RollBack, Rule
from worker.rollout.simulation.course import BACK, Course
from worker.rollout.simulation.trace import Trace
from worker.rollout.simulation.trace_file import find_trace, read_trace

WEEK: Final = timedelta(days=7)
_SURE_Z: Final = 1.645
_WIDTHS: Final = (43, 40, 8, 15, 17, 9, 3)


@dataclass(frozen=True)
class Case:
    """Simulations that several demands may count in."""

    name: str
    plan: Plan
    trace: Trace


@dataclass(frozen=True)
class Demand:
    """One demand.

    Attributes:
        case: whose courses are counted.
        says: what is counted.
        counts: whether a course is.
        share: of the courses, in [0, 1].
        at_least: whether more than the share is demanded; else less.
    """

    case: Case
    says: str
    counts: Callable[[Course], bool]
    share: float
    at_least: bool

    def result(self, courses: Sequence[Course]) -> "Result":
        """What some courses of the case say."""
        return Result(self, sum(map(self.counts, courses)), len(courses))


@dataclass(frozen=True)
class Result:
    """How many of `n` courses count."""

    demand: Demand
    count: int
    n: int

    @property
    def met(self) -> bool:
        """Whether the share that was counted is what is demanded."""
        rate = self.count / self.n
        return rate > self.demand.share if self.demand.at_least else rate < self.demand.share

    def row(self) -> str:
        """A line of the table; the bound says what n courses can say at all."""
        bound = wilson_lower if self.demand.at_least else wilson_upper
        side, sign = ("at least", ">") if self.demand.at_least else ("at most", "<")
        return _line(
            self.demand.case.name,
            self.demand.says,
            f"{self.count / self.n:.2%}",
            f"{self.count:,} of {self.n:,}",
            f"{side} {bound(self.count, self.n, _SURE_Z):.2%}",
            f"{sign} {self.demand.share:.0%}",
            "yes" if self.met else "NO",
        )


def head() -> str:
    """The first line of the table."""
    return _line("case", "counted", "rate", "n", "95 % sure", "demanded", "met")


def demands(catalogue: frozenset[str]) -> list[Demand]:
    """All of them: the production plan's rules at its first stage, 10 %, for a week that isn't promoted."""
    production = read_plan(find_plan("production")[1], "production", catalogue).plan
    acting = _week_of(production, production.roll_back)
    watching = _week_of(production, _comparisons(production.roll_back))
    window, settle = acting.windows.short, acting.windows.settle

    def case(name: str, plan: Plan, trace: str, lasts: timedelta) -> Case:
        read = read_trace(find_trace(trace)[1], trace, catalogue)
        return Case(name, plan, read.model_copy(update={"lasts": lasts}))

    healthy = case("healthy week, 2 % errors", acting, "healthy", WEEK)
    both = case("week with 6 h of 30 % errors in both models", watching, "both_ill", WEEK)
    half = case("Chirp at 50 % after a healthy day", acting, "chirp_half", DAY + 4 * window)
    late = {
        rate: case(f"Chirp at {rate} % after three healthy days", watching, f"late_{rate}", 3 * DAY + windows * window)
        for rate, windows in ((12, 15), (7, 40))
    }

    def seen(course: Course) -> bool:
        return _seen_after(course, 3 * DAY)

    return [
        Demand(healthy, "rolled back", lambda course: _has(course, BACK), 0.01, at_least=False),
        Demand(
            healthy, f"one of {len(catalogue)} characters quarantined",
            lambda course: _has(course, {"quarantined"}), 0.02, at_least=False,
        ),
        Demand(both, "a comparison with WaveNet alarms", _compared_worse, 0.01, at_least=False),
        Demand(
            half, "off within 2 windows",
            lambda course: _off_within(course, DAY, DAY + 2 * window + settle), 0.95, at_least=True,
        ),
        Demand(late[12], "the comparison sees it within 15 windows", seen, 0.95, at_least=True),
        Demand(late[7], "the comparison sees it within 40 windows", seen, 0.95, at_least=True),
    ]  # fmt: skip


def _line(*columns: str) -> str:
    return " ".join(column.ljust(width) for column, width in zip(columns, _WIDTHS, strict=True)).rstrip()


def _week_of(plan: Plan, roll_back: RollBack) -> Plan:
    stage = plan.stages[0].model_copy(update={"at_least": 2 * WEEK, "at_most": None, "approvals": ()})
    return plan.model_copy(update={"stages": (stage,), "gates": (), "roll_back": roll_back})


def _comparisons(rules: RollBack) -> RollBack:
    """The rules that compare, as dry runs: fixed limits would turn Chirp off before there is something to compare."""

    def dry(rules: Collection[Rule]) -> tuple[Rule, ...]:
        return tuple(each.model_copy(update={"dry_run": True}) for each in rules if each.measure in AGAINST_CONTROL)

    return RollBack(at_once=dry(rules.at_once), step=dry(rules.step), character=dry(rules.character))


def _has(course: Course, kinds: Collection[str]) -> bool:
    return any(each.kind in kinds for each in course.entries)


def _compared_worse(course: Course) -> bool:
    return any(title in AGAINST_CONTROL for _, title, _ in course.first_failed)


def _off_within(course: Course, after: timedelta, until: timedelta) -> bool:
    return any(each.kind == "turned off" and after < each.after <= until for each in course.entries)


def _seen_after(course: Course, after: timedelta) -> bool:
    # The trace ends with the last window that counts. What alarmed before is no sight of it.
    first = course.first_failed.get(("step", Measure.ERRORS_AGAINST_CONTROL.value, None))
    return first is not None and first > after
