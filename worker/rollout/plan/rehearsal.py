"""A plan with shorter days, for a rehearsal. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from worker.rollout.plan.conditions import Gate, RollBack
from worker.rollout.plan.settings import Limits, Windows
from worker.rollout.plan.units import DAY

if TYPE_CHECKING:
    from worker.rollout.plan.model import Plan

    AnyPlan = TypeVar("AnyPlan", bound=Plan)

# What a rehearsal's windows can't go below: a round of the controller must find attempts in them.
_LEAST_RESOLUTION: Final = timedelta(seconds=1)
_LEAST_SHORT: Final = timedelta(seconds=5)
_LEAST_LONG: Final = timedelta(seconds=20)
_LEAST_SETTLE: Final = timedelta(seconds=2)


def rehearsed(plan: AnyPlan, day: timedelta) -> AnyPlan:
    """The same plan with shorter days; windows shrink to seconds, samples and shares stay, freezes are left out.

    Args:
        plan: with days of 24 hours.
        day: how long a day lasts.
    """
    if day == DAY:
        return plan
    factor = day / DAY
    stages = tuple(
        _shortened(stage, factor, "at_least", "at_most").model_copy(
            update={"gates": _gates(stage.gates, factor), "roll_back": _rules(stage.roll_back, factor)}
        )
        for stage in plan.stages
    )
    return plan.model_copy(
        update={
            "windows": _windows(plan.windows, factor),
            "stages": stages,
            "gates": _gates(plan.gates, factor),
            "roll_back": _rules(plan.roll_back, factor),
            "control": _shortened(plan.control, factor, "over"),
            "limits": _limits(plan.limits, factor),
            "freeze": (),
        }
    )


def _windows(windows: Windows, factor: float) -> Windows:
    resolution = max(_LEAST_RESOLUTION, windows.resolution * factor)

    def multiple(duration: timedelta, least: timedelta) -> timedelta:
        return -(-max(least, duration * factor) // resolution) * resolution

    return Windows(
        resolution=resolution,
        short=multiple(windows.short, _LEAST_SHORT),
        long=multiple(windows.long, _LEAST_LONG),
        settle=max(_LEAST_SETTLE, windows.settle * factor),
    )


def _limits(limits: Limits, factor: float) -> Limits:
    # A day's traffic comes in its day, however short that is.
    return limits.model_copy(
        update={
            "chirp_requests_a_minute": round(limits.chirp_requests_a_minute / factor),
            "dollars_a_month": limits.dollars_a_month and limits.dollars_a_month / factor,
        }
    )


def _gates(gates: tuple[Gate, ...] | None, factor: float) -> tuple[Gate, ...] | None:
    return None if gates is None else tuple(_shortened(gate, factor, "warm_up") for gate in gates)


def _rules(roll_back: RollBack | None, factor: float) -> RollBack | None:
    return None if roll_back is None else _shortened(roll_back, factor, "quarantine")


def _shortened(part: Any, factor: float, *names: str) -> Any:
    durations = {name: getattr(part, name) for name in names}
    return part.model_copy(update={name: each and each * factor for name, each in durations.items()})
