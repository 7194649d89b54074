"""Measures of a sound: how loud each twentieth of a second is, how much like noise, and the highest peak. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float32]

FRAMES_A_SECOND: Final = 50
"""Frames are 20 ms long: shorter than a sound of speech, longer than a period of the lowest voice."""

_BLOCK_FRAMES: Final = 512
# Noise of at most 12 kHz, as Google's voices would have it, is white at this rate whatever rate it was resampled to.
_NOISE_HZ: Final = 24_000
# The highest value of MULAW is 0.980, that of ALAW 0.984.
_FULL_SCALE: Final = 0.975
_TINY: Final = 1e-12


@dataclass(frozen=True)
class Sound:
    """What was measured of a whole sound.

    Attributes:
        samples: their number.
        peak: the largest absolute sample; 1.0 is full scale.
        clipped: how many samples are at full scale or above.
        levels: of each frame the standard deviation of its samples: a constant offset is no sound.
        correlations: of each frame, how much a sample says about the next one, from -1 to 1. White noise has 0, a voice
            0.7 and more outside of its hisses.
    """

    samples: int
    peak: float
    clipped: int
    levels: Values
    correlations: Values


def block_samples(sample_rate: int) -> int:
    """How many samples are measured at once: whole frames, ten seconds of them."""
    return _BLOCK_FRAMES * frame_samples(sample_rate)


def frame_samples(sample_rate: int) -> int:
    """The samples of one frame."""
    return sample_rate // FRAMES_A_SECOND


def measure(blocks: Iterable[Values], sample_rate: int) -> Sound:
    """Measures a sound; only one block is in memory at a time.

    Args:
        blocks: mono samples, each block but the last of `block_samples`. What is left after the last whole frame counts
            for the peak alone.
        sample_rate: in Hz.
    """
    samples, peak, clipped = 0, 0.0, 0
    size, lag = frame_samples(sample_rate), max(1, round(sample_rate / _NOISE_HZ))
    levels: list[Values] = []
    correlations: list[Values] = []
    for block in blocks:
        samples += len(block)
        highest = max(float(block.max(initial=0.0)), -float(block.min(initial=0.0)))
        peak = max(peak, highest)
        if highest >= _FULL_SCALE:
            clipped += int(np.count_nonzero(np.abs(block) >= _FULL_SCALE))
        frames = block[: len(block) // size * size].reshape(-1, size)
        level, correlation = _measure_frames(frames, lag)
        levels.append(level)
        correlations.append(correlation)
    return Sound(samples, peak, clipped, _joined(levels), _joined(correlations))


def longest_run(holds: npt.NDArray[np.bool_]) -> int:
    """The largest number of neighbours that all hold."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], holds, [False])).astype(np.int8)))
    return int(np.max(edges[1::2] - edges[::2], initial=0))


def _measure_frames(frames: Values, lag: int) -> tuple[Values, Values]:
    count = frames.shape[1]
    means = frames.mean(axis=1)
    variances = np.maximum(np.einsum("ij,ij->i", frames, frames) / count - means**2, 0)
    products = np.einsum("ij,ij->i", frames[:, :-lag], frames[:, lag:]) / (count - lag) - means**2
    return np.sqrt(variances), products / np.maximum(variances, _TINY)


def _joined(parts: list[Values]) -> Values:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)
