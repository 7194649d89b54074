"""Masters a line's sound: silence trimmed to pads, resampled, at a target loudness below a peak. Pure.

The loudness is ITU-R BS.1770's in LUFS, the true peak its Annex 2's in dBTP: of the sound at four times 48 kHz. Slow:
call its functions on a thread.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import soxr

from worker.batch.delivery.options import Mastering
from worker.speech.loudness import integrated_lufs, with_gain
from worker.speech.sound import Values

_OVERSAMPLED_HZ: Final = 192_000
# What is quieter than the loudest sample by this much is silence: a room's noise, or an encoder's.
_SILENCE_DB: Final = -50.0
_FADE_S: Final = 0.005
# BS.1770 has no loudness for less than a block of 0.4 s: a shorter sound is measured as if it were repeated.
_MEASURED_S: Final = 1.0
# The encoder's own error, and rounding to 24 bits: a peak must stay below its limit after them.
_PEAK_MARGIN_DB: Final = 0.1


@dataclass(frozen=True)
class Levels:
    """What was measured of a sound: loudness in LUFS, true peak in dBTP (both -inf for silence), length in seconds."""

    lufs: float
    peak_dbtp: float
    seconds: float


@dataclass(frozen=True)
class Mastered:
    """A mastered sound, its loudness before, in LUFS, and its levels now."""

    samples: Values
    lufs_before: float
    after: Levels


def master(samples: Values, sample_rate: int, mastering: Mastering) -> Mastered:
    """Master a mono sound.

    Where the target would need a peak above its limit, the loudness stays below the target: nothing is compressed.

    Args:
        samples: full scale at 1.0.
        sample_rate: theirs, in Hz.
    """
    lufs_before = _loudness(samples, sample_rate)
    if not math.isfinite(lufs_before):
        # Below the standard's gate of -70 LUFS: a gain would make an encoder's noise a sound.
        sound = _resampled(samples, sample_rate, mastering.sample_rate)
        return Mastered(sound, lufs_before, measure(sound, mastering.sample_rate))
    sound = samples if mastering.pad_s is None else _trimmed(samples, sample_rate, mastering.pad_s)
    sound = _resampled(sound, sample_rate, mastering.sample_rate)
    levels = measure(sound, mastering.sample_rate)
    gain = 0.0 if mastering.target_lufs is None else mastering.target_lufs - levels.lufs
    sound = with_gain(sound, min(gain, mastering.peak_dbtp - _PEAK_MARGIN_DB - levels.peak_dbtp))
    return Mastered(sound, lufs_before, measure(sound, mastering.sample_rate))


def _resampled(samples: Values, sample_rate: int, wanted_rate: int) -> Values:
    if sample_rate == wanted_rate or not samples.size:
        return samples
    resampled: Values = soxr.resample(samples, sample_rate, wanted_rate, "VHQ")
    return resampled


def measure(samples: Values, sample_rate: int) -> Levels:
    """Measure the levels of a mono sound."""
    seconds = len(samples) / sample_rate
    if not samples.any():
        return Levels(-math.inf, -math.inf, seconds)
    oversampled = _resampled(samples, sample_rate, _OVERSAMPLED_HZ)
    peak = max(float(np.abs(oversampled).max()), float(np.abs(samples).max()))
    return Levels(_loudness(samples, sample_rate), 20 * math.log10(peak), seconds)


def _loudness(samples: Values, sample_rate: int) -> float:
    if not samples.any():
        return -math.inf
    repeats = max(1, math.ceil(_MEASURED_S * sample_rate / len(samples)))
    return integrated_lufs(np.tile(samples, repeats), sample_rate)


def _trimmed(samples: Values, sample_rate: int, pad_s: float) -> Values:
    """The sound between its first and last sample that is no silence, with faded edges and the pads around it."""
    level = np.abs(samples)
    loud = np.flatnonzero(level > level.max(initial=0.0) * 10 ** (_SILENCE_DB / 20))
    if not loud.size:
        return samples
    fade = round(_FADE_S * sample_rate)
    # The fades lie outside of what is heard, where there is room.
    first, last = max(0, int(loud[0]) - fade), min(len(samples), int(loud[-1]) + 1 + fade)
    sound = samples[first:last].copy()
    edge = min(fade, len(sound) // 2)
    slope = ((1 - np.cos(np.pi * np.arange(edge) / max(1, edge))) / 2).astype(np.float32)
    sound[:edge] *= slope
    sound[len(sound) - edge :] *= slope[::-1]
    pad = np.zeros(round(pad_s * sample_rate), dtype=np.float32)
    return np.concatenate((pad, sound, pad))
