"""Rows for a checked plan: its findings, its stages, and the detection time of a breach. Pure."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from worker.cli.views.table import cell_text
from worker.rollout.plan.findings import Finding
from worker.rollout.plan.parser import PlanFile
from worker.rollout.plan.units import approximate_duration
from worker.rollout.plan_check.detection import all_detections
from worker.rollout.plan_check.forecast import forecast_stage


def finding_rows(findings: Collection[Finding]) -> list[dict[str, object]]:
    """One row for each finding."""
    return [
        {
            "severity": each.severity.value,
            "line": each.line,
            "where": each.where,
            "says": each.message,
            "instead": each.suggestion,
        }
        for each in findings
    ]


def stage_rows(file: PlanFile, catalogue: Collection[str], day: timedelta) -> list[dict[str, object]]:
    """Forecasts each stage at the expected traffic; durations are timedeltas, unknown values None.

    Args:
        file: its plan rehearsed, if `day` is shorter than 24 hours.
        catalogue: the keys of all characters.
        day: the length of a day.
    """
    rows: list[dict[str, object]] = []
    for stage in file.plan.stages:
        forecast = forecast_stage(file.plan, stage, catalogue, day=day)
        attempts, needed = forecast.attempts_a_day, forecast.needed if forecast.attempts_a_day else None
        rows.append(
            {
                "stage": stage.name,
                "%": stage.percentage / 100 if stage.enabled else 0.0,
                "at least": stage.at_least,
                "Chirp attempts a day": round(attempts),
                "of the rarest character": round(forecast.by_character[forecast.rarest]) if forecast.rarest else None,
                "gates need": needed,
                "which takes": None if needed is None else day * (needed / attempts),
                "a minute at the peak": round(forecast.peak_a_minute, 1),
                "USD a month": round(forecast.dollars_a_month),
            }
        )
    return rows


def breach_rows(file: PlanFile, catalogue: Collection[str], day: timedelta) -> list[dict[str, object]]:
    """The time in which each rule detects a slight breach, a clear one, and failures of half the attempts.

    For rules of single characters, it is the time for the rarest character.

    Args:
        file: its plan rehearsed, if `day` is shorter than 24 hours.
        catalogue: the keys of all characters.
        day: the length of a day.
    """
    detections = all_detections(file, catalogue, day)
    stages = [stage.name for stage in file.plan.stages if any(stage in dict(each.by_stage) for each in detections)]
    rows: list[dict[str, object]] = []
    for each in detections:
        by_name = {stage.name: seen for stage, seen in each.by_stage}
        for number, first in enumerate(next(iter(by_name.values()))):
            row: dict[str, object] = {
                "line": file.line(*each.path),
                "rule": f"{each.use} {each.rule.title}",
                "breach": first.breach,
            }
            # A comparison's attempts differ by stage: they depend on the control's share.
            row["attempts"] = first.attempts if first.window else ""
            # These rules don't apply to a stage that has rules of its own.
            row |= {f"stage {name}": by_name[name][number].takes if name in by_name else "" for name in stages}
            rows.append(row)
    return rows


def format_rows(rows: Collection[Mapping[str, object]], nothing: str) -> list[dict[str, object]]:
    """Formats the values of rows as text.

    Args:
        nothing: the text for None.
    """
    return [{name: _format(value, nothing) for name, value in row.items()} for row in rows]


def to_json_rows(rows: Collection[Mapping[str, object]]) -> list[dict[str, object]]:
    """Converts rows for JSON: durations in seconds."""
    return [
        {name: round(value.total_seconds()) if isinstance(value, timedelta) else value for name, value in row.items()}
        for row in rows
    ]


def _format(value: object, nothing: str) -> str:
    if value is None:
        return nothing
    if isinstance(value, timedelta):
        return approximate_duration(value)
    return f"{value:,}" if isinstance(value, int) else cell_text(value)
