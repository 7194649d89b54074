"""Summarises many simulations: false alarms while healthy, and the exposure to a broken Chirp. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from worker.rollout.simulation.result import QUARANTINED, ROLL_BACKS, SimulatedRollout
from worker.rollout.simulation.trace import Trace

Value = TypeVar("Value", int, float, timedelta)


@dataclass(frozen=True)
class Summary:
    """Over `n` simulations; times and attempts are median and 95th percentile of the simulations that have any.

    Attributes:
        n: simulations.
        rolled_back_healthy: in how many Chirp was turned off or a stage stepped back while Chirp was healthy.
        quarantined_healthy: in how many a character was quarantined while Chirp was healthy.
        breaks: whether the trace's Chirp breaks at all.
        broke: in how many users still got Chirp when it broke.
        detected: in how many of these Chirp was rolled back or a character quarantined after that.
        exposed: the time from the break to that.
        failed: Chirp's failed attempts since the break.
        ended: in how many the plan was completed.
        dollars: the cost of a simulated rollout, the median.
    """

    n: int
    rolled_back_healthy: int
    quarantined_healthy: int
    breaks: bool
    broke: int
    detected: int
    exposed: tuple[timedelta, timedelta] | None
    failed: tuple[int, int] | None
    ended: int
    dollars: float


def summarise(results: Sequence[SimulatedRollout], trace: Trace) -> Summary:
    """Summarise at least one simulation of a trace."""
    breaks_at = trace.breaks_at
    exposed, failed = [], []
    for result in results:
        if breaks_at is not None and result.lasted > breaks_at:
            failed.append(result.failed_after_break)
            detected = _first_reaction(result, breaks_at)
            if detected is not None:
                exposed.append(detected - breaks_at)
    return Summary(
        n=len(results),
        rolled_back_healthy=_count_healthy(results, ROLL_BACKS, breaks_at),
        quarantined_healthy=_count_healthy(results, frozenset({QUARANTINED}), breaks_at),
        breaks=breaks_at is not None,
        broke=len(failed),
        detected=len(exposed),
        exposed=(quantile(exposed, 0.5), quantile(exposed, 0.95)) if exposed else None,
        failed=(quantile(failed, 0.5), quantile(failed, 0.95)) if failed else None,
        ended=sum(any(each.kind == "ended" for each in result.events) for result in results),
        dollars=quantile([result.dollars for result in results], 0.5),
    )


def quantile(values: Sequence[Value], share: float) -> Value:
    """Return the smallest value that at least this share of the values doesn't exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def _first_reaction(result: SimulatedRollout, breaks_at: timedelta) -> timedelta | None:
    """Return when Chirp was first rolled back or a character quarantined after the break; None if never."""
    kinds = ROLL_BACKS | {QUARANTINED}
    return next((each.after for each in result.events if each.kind in kinds and each.after >= breaks_at), None)


def _count_healthy(results: Sequence[SimulatedRollout], kinds: frozenset[str], breaks_at: timedelta | None) -> int:
    """Count the simulations with an event of some kinds while Chirp was healthy."""
    return sum(
        any(each.kind in kinds and (breaks_at is None or each.after < breaks_at) for each in result.events)
        for result in results
    )
