"""What people and scripts read of a checked plan: its findings, its stages, how soon a breach is seen. Pure."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from worker.rollout.plan.findings import Finding
from worker.rollout.plan.parser import PlanFile
from worker.rollout.plan.units import approximate_duration
from worker.rollout.plan_check.detection import all_detections
from worker.rollout.plan_check.forecast import forecast_stage


def finding_rows(findings: Collection[Finding]) -> list[dict[str, object]]:
    """A row a finding."""
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
    """What each stage comes to at the expected traffic; times as such, None where there is nothing to be said.

    Args:
        file: its plan as rehearsed.
        catalogue: the keys of all characters.
        day: how long a day lasts.
    """
    rows: list[dict[str, object]] = []
    for stage in file.plan.stages:
        comes = forecast_stage(file.plan, stage, catalogue, day=day)
        attempts, needed = comes.attempts_a_day, comes.needed if comes.attempts_a_day else None
        rows.append(
            {
                "stage": stage.name,
                "%": stage.percentage / 100 if stage.enabled else 0.0,
                "at least": stage.at_least,
                "Chirp attempts a day": round(attempts),
                "of the rarest character": round(comes.by_character[comes.rarest]) if comes.rarest else None,
                "gates need": needed,
                "which takes": None if needed is None else day * (needed / attempts),
                "a minute at the peak": round(comes.peak_a_minute, 1),
                "USD a month": round(comes.dollars_a_month),
            }
        )
    return rows


def breach_rows(file: PlanFile, catalogue: Collection[str], day: timedelta) -> list[dict[str, object]]:
    """How soon each rule sees a slight breach, a clear one and half of all; of a character's rule, the rarest one's.

    Args:
        file: its plan as rehearsed.
        catalogue: the keys of all characters.
        day: how long a day lasts.
    """
    watched = all_detections(file, catalogue, day)
    stages = [stage.name for stage in file.plan.stages if any(stage in dict(each.by_stage) for each in watched)]
    rows: list[dict[str, object]] = []
    for each in watched:
        by_name = {stage.name: seen for stage, seen in each.by_stage}
        for number, first in enumerate(next(iter(by_name.values()))):
            row: dict[str, object] = {
                "line": file.line(*each.path),
                "rule": f"{each.use} {each.rule.title}",
                "breach": first.breach,
            }
            # A comparison's attempts differ by stage: they depend on the control's share.
            row["attempts"] = first.attempts if first.window else ""
            # A stage that has rules of its own isn't ruled by these.
            row |= {f"stage {name}": by_name[name][number].takes if name in by_name else "" for name in stages}
            rows.append(row)
    return rows


def for_people(rows: Collection[Mapping[str, object]], nothing: str) -> list[dict[str, object]]:
    """Rows with their values in words.

    Args:
        rows: of `stage_rows` or `breach_rows`.
        nothing: what None is called.
    """
    return [{name: _told(value, nothing) for name, value in row.items()} for row in rows]


def for_scripts(rows: Collection[Mapping[str, object]]) -> list[dict[str, object]]:
    """Rows as JSON has them: times in seconds."""
    return [
        {name: round(value.total_seconds()) if isinstance(value, timedelta) else value for name, value in row.items()}
        for row in rows
    ]


def _told(value: object, nothing: str) -> str:
    if value is None:
        return nothing
    if isinstance(value, timedelta):
        return approximate_duration(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
