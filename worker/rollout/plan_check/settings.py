"""Checks a plan's settings: windows, control and length bands. Pure."""

from collections.abc import Iterator
from typing import Final

from worker.rollout.plan.findings import Finding, Severity
from worker.rollout.plan.parser import PlanFile
from worker.rollout.plan.units import format_duration
from worker.rollout.plan_check.conditions import EXACT_STEPS, is_exact

_MAX_EDGES: Final = 8


def check_settings(file: PlanFile) -> Iterator[Finding]:
    """Check the settings of a plan."""
    windows, control = file.plan.windows, file.plan.control
    if windows.short < windows.settle:
        message = (
            f"{format_duration(windows.short)} is shorter than settle, {format_duration(windows.settle)}: "
            "the window is over before its attempts are settled"
        )
        suggestion = f"at least {format_duration(windows.settle)}"
        yield file.finding(Severity.UNWISE, ("windows", "short"), message, suggestion)
    if control.over < windows.short:
        message = (
            f"{format_duration(control.over)} is shorter than a window, {format_duration(windows.short)}: "
            "every window would raise an alarm"
        )
        yield file.finding(Severity.WRONG, ("control", "over"), message, "the time that alpha covers, such as 7d")
    if not is_exact(control.slow):
        message = f"{control.slow:g} s isn't counted exactly"
        yield file.finding(Severity.WRONG, ("control", "slow"), message, EXACT_STEPS)
    yield from _check_length_bands(file)


def _check_length_bands(file: PlanFile) -> Iterator[Finding]:
    bands = file.plan.length_bands
    if not bands:
        message = "the times of short and long texts are compared with each other"
        yield file.finding(Severity.UNWISE, ("length_bands",), message, "leave it out, or write such as [50, 150, 500]")
    elif len(bands) > _MAX_EDGES:
        message = f"{len(bands) + 1} bands leave few attempts in each, and only bands with both models count"
        yield file.finding(Severity.UNWISE, ("length_bands",), message, f"at most {_MAX_EDGES}")
