"""Latency estimate of an attempt, by voice model and length of the line: a decayed linear regression. Pure."""

from dataclasses import dataclass
from typing import Final

from schemas.enums import VoiceModel

_KEPT: Final = 0.95
"""The decay of earlier attempts' weight with each new one: about the last twenty count."""
_LEAST_WEIGHT: Final = 4.0
"""About five attempts; with fewer there is no estimate."""
_FLAT: Final = 1.0
"""Below this variance of lengths, in spoken units squared, the time per unit can't be estimated."""


@dataclass
class _Line:
    """Decayed sums for the straight line through (spoken units, seconds) by least squares."""

    weight: float = 0.0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    xy: float = 0.0

    def add(self, x: float, y: float) -> None:
        self.weight = self.weight * _KEPT + 1
        self.x = self.x * _KEPT + x
        self.y = self.y * _KEPT + y
        self.xx = self.xx * _KEPT + x * x
        self.xy = self.xy * _KEPT + x * y

    def at(self, x: float) -> float:
        mean_x, mean_y = self.x / self.weight, self.y / self.weight
        variance = self.xx / self.weight - mean_x**2
        # A longer line takes no less time, whatever the last few attempts say.
        slope = max(0.0, (self.xy / self.weight - mean_x * mean_y) / variance) if variance > _FLAT else 0.0
        return max(0.0, mean_y + slope * (x - mean_x))


class LatencyEstimate:
    """The latency of each voice model, learnt from its last attempts."""

    def __init__(self) -> None:
        self._lines = {voice_model: _Line() for voice_model in VoiceModel}

    def observe(self, voice_model: VoiceModel, spoken_units: int, seconds: float) -> None:
        """Learns from an attempt that succeeded."""
        self._lines[voice_model].add(spoken_units, seconds)

    def expected_s(self, voice_model: VoiceModel, spoken_units: int) -> float | None:
        """The likely duration of an attempt, in seconds; None if there were too few attempts."""
        line = self._lines[voice_model]
        return line.at(spoken_units) if line.weight >= _LEAST_WEIGHT else None
