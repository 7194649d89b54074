"""A take as a picture: the highest sample of each moment, as the bars of an SVG path. Pure."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from worker.speech.sound import Values

WIDTH: Final = 300
"""The most bars of a picture; each is one unit wide."""
HEIGHT: Final = 40
"""The height of a bar at full scale."""
# A bar of silence is still seen.
_LEAST: Final = 0.5


def loudest(blocks: Iterable[Values], moment: int) -> list[float]:
    """The highest absolute sample of each moment.

    Args:
        blocks: samples with full scale at 1.0, each block but the last of whole moments.
        moment: its length in samples.
    """
    found: list[float] = []
    for block in blocks:
        found += [float(np.abs(block[start : start + moment]).max()) for start in range(0, len(block), moment)]
    return found


def path_of(levels: list[float], width: int = WIDTH) -> str:
    """The `d` of an SVG path with at most so many bars, one unit apart; empty without sound."""
    bars = min(width, len(levels))
    parts = []
    for number in range(bars):
        first, end = number * len(levels) // bars, (number + 1) * len(levels) // bars
        half = max(_LEAST, min(1.0, max(levels[first:end])) * HEIGHT / 2)
        parts.append(f"M{number + 0.5:g} {HEIGHT / 2 - half:.1f}V{HEIGHT / 2 + half:.1f}")
    return "".join(parts)
