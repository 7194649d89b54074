"""What many courses come to: how often a healthy system is rolled back, how long a broken one is heard. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from worker.rollout.simulation.course import BACK, Course, Entry
from worker.rollout.simulation.trace import Trace

Value = TypeVar("Value", int, float, timedelta)


@dataclass(frozen=True)
class Summary:
    """Over `n` courses; times and attempts are the median and the 95th percentile of those that have any.

    Attributes:
        n: courses.
        rolled_back_healthy: in so many Chirp was turned off or a step taken back while it was healthy.
        quarantined_healthy: in so many a character was quarantined while Chirp was healthy.
        breaks: whether the trace's Chirp breaks at all.
        broke: in so many it was still heard when it broke.
        seen: of these, in so many it was rolled back or a character quarantined after that.
        exposed: from its breaking to that.
        failed: Chirp's attempts that failed from its breaking on.
        ended: in so many the plan was served to its end.
        dollars: what a course costs, the median.
    """

    n: int
    rolled_back_healthy: int
    quarantined_healthy: int
    breaks: bool
    broke: int
    seen: int
    exposed: tuple[timedelta, timedelta] | None
    failed: tuple[int, int] | None
    ended: int
    dollars: float


def summary_of(courses: Sequence[Course], trace: Trace) -> Summary:
    """Sums up at least one course."""
    breaks_at = trace.breaks_at
    exposed, failed = [], []
    for course in courses:
        if breaks_at is not None and course.lasted > breaks_at:
            failed.append(course.failed_after_break)
            seen = next((each.after for each in course.entries if _acts(each) and each.after >= breaks_at), None)
            if seen is not None:
                exposed.append(seen - breaks_at)

    def healthy(kinds: frozenset[str]) -> int:
        return sum(
            any(each.kind in kinds and (breaks_at is None or each.after < breaks_at) for each in course.entries)
            for course in courses
        )

    return Summary(
        n=len(courses),
        rolled_back_healthy=healthy(BACK),
        quarantined_healthy=healthy(frozenset({"quarantined"})),
        breaks=breaks_at is not None,
        broke=len(failed),
        seen=len(exposed),
        exposed=(quantile(exposed, 0.5), quantile(exposed, 0.95)) if exposed else None,
        failed=(quantile(failed, 0.5), quantile(failed, 0.95)) if failed else None,
        ended=sum(any(each.kind == "ended" for each in course.entries) for course in courses),
        dollars=quantile([course.dollars for course in courses], 0.5),
    )


def quantile(values: Sequence[Value], share: float) -> Value:
    """The least of some values that so large a share of them doesn't pass."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def _acts(entry: Entry) -> bool:
    return entry.kind in BACK or entry.kind == "quarantined"
