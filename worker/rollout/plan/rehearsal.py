"""Rehearsals: a plan with days of seconds or minutes instead of 24 hours. Pure."""

from datetime import timedelta
from typing import Any, Final

from worker.rollout.plan.conditions import Gate, RollBack
from worker.rollout.plan.model import Plan
from worker.rollout.plan.settings import Limits, Windows
from worker.rollout.plan.units import DAY

# The shortest windows of a rehearsal: one round of the controller must still find attempts in them.
_LEAST_RESOLUTION: Final = timedelta(seconds=1)
_LEAST_SHORT: Final = timedelta(seconds=5)
_LEAST_LONG: Final = timedelta(seconds=20)
_LEAST_SETTLE: Final = timedelta(seconds=2)


def rehearse(plan: Plan, day: timedelta) -> Plan:
    """Return the plan with shorter days: windows shrink to seconds, samples and shares stay, freezes are dropped.

    Args:
        plan: with days of 24 hours.
        day: the length of a day; with 24 hours the plan is returned as it is.
    """
    if day == DAY:
        return plan
    factor = day / DAY
    stages = tuple(
        _shorter(stage, factor, "at_least", "at_most").model_copy(
            update={"gates": _shorter_gates(stage.gates, factor), "roll_back": _shorter_rules(stage.roll_back, factor)}
        )
        for stage in plan.stages
    )
    return plan.model_copy(
        update={
            "windows": _shorter_windows(plan.windows, factor),
            "stages": stages,
            "gates": _shorter_gates(plan.gates, factor),
            "roll_back": _shorter_rules(plan.roll_back, factor),
            "control": _shorter(plan.control, factor, "over"),
            "limits": _scaled_limits(plan.limits, factor),
            "freeze": (),
        }
    )


def _shorter_windows(windows: Windows, factor: float) -> Windows:
    resolution = max(_LEAST_RESOLUTION, windows.resolution * factor)

    def multiple(duration: timedelta, least: timedelta) -> timedelta:
        return -(-max(least, duration * factor) // resolution) * resolution

    return Windows(
        resolution=resolution,
        short=multiple(windows.short, _LEAST_SHORT),
        long=multiple(windows.long, _LEAST_LONG),
        settle=max(_LEAST_SETTLE, windows.settle * factor),
    )


def _scaled_limits(limits: Limits, factor: float) -> Limits:
    # A day's traffic arrives within its day, however short that is.
    return limits.model_copy(
        update={
            "chirp_requests_a_minute": round(limits.chirp_requests_a_minute / factor),
            "dollars_a_month": limits.dollars_a_month and limits.dollars_a_month / factor,
        }
    )


def _shorter_gates(gates: tuple[Gate, ...] | None, factor: float) -> tuple[Gate, ...] | None:
    return None if gates is None else tuple(_shorter(gate, factor, "warm_up") for gate in gates)


def _shorter_rules(roll_back: RollBack | None, factor: float) -> RollBack | None:
    return None if roll_back is None else _shorter(roll_back, factor, "quarantine")


def _shorter(part: Any, factor: float, *names: str) -> Any:
    durations = {name: getattr(part, name) for name in names}
    return part.model_copy(update={name: each and each * factor for name, each in durations.items()})
