"""Rows for simulations: the timeline, the attempts and cost of each voice model, the summary over seeds. Pure."""

from datetime import timedelta

from schemas.enums import VoiceModel
from worker.pricing.google_terms import TERMS
from worker.rollout.plan.units import approximate_duration
from worker.rollout.simulation.result import SimulatedRollout
from worker.rollout.simulation.summary import Summary

Row = dict[str, object]


def timeline_rows(course: SimulatedRollout) -> list[Row]:
    """One row for each event."""
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
    """The timeline for JSON: times in seconds."""
    return [
        {**row, "after": _seconds(each.after)} for row, each in zip(timeline_rows(course), course.events, strict=True)
    ]


def clock(after: timedelta) -> str:
    """Formats a time since the start of a simulation: `3 d 01:13`."""
    minutes = round(after / timedelta(minutes=1))
    return f"{minutes // 1440} d {minutes // 60 % 24:02}:{minutes % 60:02}"


def model_rows(course: SimulatedRollout) -> list[Row]:
    """The attempts, takes and cost of each voice model, at list prices without the free tier."""
    rows: list[Row] = []
    for model in VoiceModel:
        totals = course.totals[model]
        rows.append(
            {
                "voice model": model.value,
                "attempts": totals.attempts,
                "failed": totals.failed,
                "stored takes": totals.stored,
                "billed characters": totals.billed,
                "USD": round(totals.billed * TERMS[model].dollars_per_character, 2),
            }
        )
    return rows


def summary_row(summary: Summary) -> Row:
    """The summary for JSON: numbers, and times in seconds."""
    row: Row = {
        "simulations": summary.n,
        "rolled back while healthy": summary.rolled_back_healthy,
        "a character quarantined while healthy": summary.quarantined_healthy,
        "plan served to its end": summary.ended,
        "USD, median": round(summary.dollars, 2),
    }
    if summary.breaks:
        row |= {
            "heard when it broke": summary.broke,
            "seen after it broke": summary.detected,
            "exposed, median and 95th percentile": None
            if summary.exposed is None
            else list(map(_seconds, summary.exposed)),
            "failed Chirp attempts since, median and 95th percentile": None
            if summary.failed is None
            else list(summary.failed),
        }
    return row


def summary_words(summary: Summary) -> Row:
    """The summary as text for the table."""
    row: Row = {
        "simulations": f"{summary.n:,}",
        "rolled back while healthy": _share(summary.rolled_back_healthy, summary.n),
        "a character quarantined while healthy": _share(summary.quarantined_healthy, summary.n),
        "plan served to its end": _share(summary.ended, summary.n),
        "cost": f"{summary.dollars:,.2f} USD (median), list prices without the free tier",
    }
    if summary.breaks:
        row["heard when it broke"] = _share(summary.broke, summary.n)
        row["then seen"] = _share(summary.detected, summary.broke) if summary.broke else "-"
        if summary.exposed is not None:
            median, percentile = map(approximate_duration, summary.exposed)
            row["exposed until then"] = f"{median} (median), {percentile} (95th percentile)"
        if summary.failed is not None:
            row["failed Chirp attempts since"] = (
                f"{summary.failed[0]:,} (median), {summary.failed[1]:,} (95th percentile)"
            )
    return row


def _seconds(time: timedelta) -> int:
    return round(time.total_seconds())


def _share(count: int, total: int) -> str:
    return f"{count:,} of {total:,} ({count / total:.1%})"
