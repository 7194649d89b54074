"""What people and scripts read of simulations: the timeline, what was heard, what it costs, sums over seeds. Pure."""

from datetime import timedelta

from schemas.enums import VoiceModel
from worker.pricing.google_terms import TERMS
from worker.rollout.plan.units import approximate_duration
from worker.rollout.simulation.result import SimulatedRollout
from worker.rollout.simulation.summary import Summary

Row = dict[str, object]


def timeline_rows(course: SimulatedRollout) -> list[Row]:
    """What happened, a row each."""
    return [
        {
            "after": clock(each.after),
            "what": each.kind,
            "stage": each.stage,
            "%": each.percentage / 100,
            "characters": each.characters,
            "why": each.why,
        }
        for each in course.events
    ]


def timeline_document(course: SimulatedRollout) -> list[Row]:
    """The same for scripts: times in seconds."""
    return [
        {**row, "after": _seconds(each.after)} for row, each in zip(timeline_rows(course), course.events, strict=True)
    ]


def clock(after: timedelta) -> str:
    """A time of a simulation: `3 d 01:13`."""
    minutes = round(after / timedelta(minutes=1))
    return f"{minutes // 1440} d {minutes // 60 % 24:02}:{minutes % 60:02}"


def heard_rows(course: SimulatedRollout) -> list[Row]:
    """What each voice model did, and what Google is paid for it by list prices without the free tier."""
    rows: list[Row] = []
    for model in VoiceModel:
        of = course.totals[model]
        rows.append(
            {
                "voice model": model.value,
                "attempts": of.attempts,
                "failed": of.failed,
                "stored takes": of.stored,
                "billed characters": of.billed,
                "USD": round(of.billed * TERMS[model].dollars_per_character, 2),
            }
        )
    return rows


def summary_row(of: Summary) -> Row:
    """The sums as numbers; times in seconds."""
    row: Row = {
        "simulations": of.n,
        "rolled back while healthy": of.rolled_back_healthy,
        "a character quarantined while healthy": of.quarantined_healthy,
        "plan served to its end": of.ended,
        "USD, median": round(of.dollars, 2),
    }
    if of.breaks:
        row |= {
            "heard when it broke": of.broke,
            "seen after it broke": of.detected,
            "exposed, median and 95th percentile": None if of.exposed is None else list(map(_seconds, of.exposed)),
            "failed Chirp attempts since, median and 95th percentile": None if of.failed is None else list(of.failed),
        }
    return row


def summary_words(of: Summary) -> Row:
    """The same for people."""
    row: Row = {
        "simulations": f"{of.n:,}",
        "rolled back while healthy": _share(of.rolled_back_healthy, of.n),
        "a character quarantined while healthy": _share(of.quarantined_healthy, of.n),
        "plan served to its end": _share(of.ended, of.n),
        "cost": f"{of.dollars:,.2f} USD (median), list prices without the free tier",
    }
    if of.breaks:
        row["heard when it broke"] = _share(of.broke, of.n)
        row["then seen"] = _share(of.detected, of.broke) if of.broke else "-"
        if of.exposed is not None:
            median, percentile = map(approximate_duration, of.exposed)
            row["exposed until then"] = f"{median} (median), {percentile} (95th percentile)"
        if of.failed is not None:
            row["failed Chirp attempts since"] = f"{of.failed[0]:,} (median), {of.failed[1]:,} (95th percentile)"
    return row


def _seconds(time: timedelta) -> int:
    return round(time.total_seconds())


def _share(count: int, of: int) -> str:
    return f"{count:,} of {of:,} ({count / of:.1%})"
