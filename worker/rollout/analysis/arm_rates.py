"""Both arms side by side: attempts, errors, fallbacks and durations of Chirp's jobs and of WaveNet's. Pure."""

from collections.abc import Iterator
from typing import Final

from schemas.enums import VoiceModel
from schemas.rollout_status import ArmRates
from worker.rollout.analysis.measurements import Measurements
from worker.rollout.plan.model import Plan
from worker.rollout.plan.units import format_duration

_MEDIAN: Final = 0.5
_P95: Final = 0.95


def arm_rates(measurements: Measurements, plan: Plan) -> tuple[ArmRates, ...]:
    """Return both arms over the plan's two windows: what gates and rules compare, as plain figures.

    Args:
        measurements: of the stage, settled.
        plan: for its windows.
    """
    return tuple(_rates(measurements, plan))


def _rates(measurements: Measurements, plan: Plan) -> Iterator[ArmRates]:
    end = measurements.until
    for length in (plan.windows.short, plan.windows.long):
        start = max(measurements.since, end - length)
        for model, tally in (
            (VoiceModel.CHIRP3_HD, measurements.chirp(start, end)),
            (VoiceModel.WAVENET, measurements.control(start, end)),
        ):
            yield ArmRates(
                voice_model=model,
                window=format_duration(length),
                attempts=tally.attempts,
                errors=tally.errors,
                fallbacks=tally.fallbacks,
                p50_s=tally.times.quantile(_MEDIAN),
                p95_s=tally.times.quantile(_P95),
            )
