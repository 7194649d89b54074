"""Chirp beside WaveNet: both arms' figures as the page shows them, and how they went. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from schemas.enums import VoiceModel
from schemas.rollout_status import ArmRates, RolloutStatus
from worker.console.web.rollout.gauges import Line, draw_lines

_Figure = Callable[[ArmRates], float | None]


@dataclass(frozen=True)
class ArmRow:
    """One arm in one window, its numbers as texts; empty where nothing was measured."""

    arm: ArmRates
    error_rate: str
    fallback_rate: str
    p50: str
    p95: str


@dataclass(frozen=True)
class ArmCurve:
    """A figure of both arms over the controller's rounds, on one scale; `window` is what each point looks back on."""

    title: str
    window: str
    chirp: str
    wavenet: str
    highest: str


def arm_rows(status: RolloutStatus) -> list[ArmRow]:
    """A row for each arm and window of a round."""
    return [
        ArmRow(
            each,
            _percent(error_share(each)),
            _percent(_fallback_share(each)) if each.voice_model == VoiceModel.CHIRP3_HD else "",
            _seconds(each.p50_s),
            _seconds(each.p95_s),
        )
        for each in status.arms
    ]


def arm_curves(rounds: Sequence[RolloutStatus]) -> list[ArmCurve]:
    """The errors and the slow end of both arms over the rounds of one stage, oldest first, in its short window."""
    if not rounds or not rounds[-1].arms:
        return []
    window = rounds[-1].arms[0].window
    figures: list[tuple[str, _Figure, Callable[[float | None], str]]] = [
        ("error_rate", error_share, _percent),
        ("p95_time", lambda arm: arm.p95_s, _seconds),
    ]
    curves = []
    for title, figure, shown in figures:
        chirp, wavenet = (_course(rounds, model, window, figure) for model in VoiceModel)
        lines, highest = draw_lines([chirp, wavenet])
        if any(lines):
            curves.append(ArmCurve(title, window, lines[0], lines[1], shown(highest)))
    return curves


def error_share(arm: ArmRates) -> float | None:
    """The share of failed attempts; None without any."""
    return arm.errors / arm.attempts if arm.attempts else None


def _fallback_share(arm: ArmRates) -> float | None:
    return arm.fallbacks / arm.attempts if arm.attempts else None


def _course(rounds: Sequence[RolloutStatus], model: VoiceModel, window: str, figure: _Figure) -> Line:
    """A figure of one arm by round; None where there was none."""
    course: list[float | None] = []
    for each in rounds:
        arm = next((arm for arm in each.arms if (arm.voice_model, arm.window) == (model, window)), None)
        course.append(None if arm is None else figure(arm))
    return course


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}".replace("%", " %")


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"
