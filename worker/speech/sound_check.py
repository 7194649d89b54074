"""What a voice that says a line can't sound like: silent, noise, over full scale, too short or too long. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.enums import AudioFault
from worker.speech.sound import FRAMES_A_SECOND, Sound, Values, longest_run, measure
from worker.speech.speaking_pace import Bounds

# -50 dB of full scale, 38 dB below the loudest frames of Google's voices: inaudible beside a game's music.
_HEARD: Final = 10 ** (-50 / 20)
# Softer gains are checked down to here; below, a voice drowns in the rounding to 16 bits.
_LEAST_HEARD: Final = 10 ** (-80 / 20)
# A line that isn't known may have been requested softer, but hardly more than this.
_SOFTEST_DB: Final = -10.0
_LONGEST_SILENCE_S: Final = 3.0
_NOISE_CORRELATION: Final = 0.5
_LONGEST_NOISE_S: Final = 1.0
_NOISE_SHARE: Final = 0.8
# The range of levels within which 90 % of a sound's frames lie. Held vowels have 7 dB and more, lines 12 dB; a tone or
# a hum has none, pink noise 3 dB.
_STEADY_DB: Final = 4.0
_SHORTEST_STEADY_S: Final = 1.0
_LONGEST_STEADY_S: Final = 2.0
_STEADY_HOP_S: Final = 0.5
# Lossy coders overshoot a voice at full scale by some 10 %.
_HIGHEST_PEAK: Final = 1.25
_CLIPPED_SHARE: Final = 0.02


PREROLL_FRAMES: Final = 4
"""80 ms: what a decoder of Opus needs to settle, wherever it begins (RFC 7845, section 4.6)."""
_VOICED_FRAMES: Final = 3
# A voice has so much between two of its frames within a fraction of a second.
_MOVING_DB: Final = 6.0


@dataclass(frozen=True)
class Finding:
    """A check that audio fails, and why."""

    fault: AudioFault
    message: str


@dataclass(frozen=True)
class ExpectedSound:
    """What is plausible for a line.

    Attributes:
        bounds: its duration; None where the line isn't known.
        pause_seconds: the sum of its pauses.
        gain_db: the requested gain; None where the line isn't known.
    """

    bounds: Bounds | None = None
    pause_seconds: float = 0.0
    gain_db: float | None = 0.0


ANY_LINE: Final = ExpectedSound(gain_db=None)
"""What is plausible for some line, whatever it is."""


def check_sound(sound: Sound, seconds: float, expected: ExpectedSound) -> Iterator[Finding]:
    """Finds what a voice that says the line can't sound like.

    Args:
        sound: as measured.
        seconds: its duration.
        expected: what is plausible for the line.
    """
    yield from check_length(seconds, expected)
    heard = sound.levels > _least_level(expected)
    if heard.any():
        yield from _check_silence(heard, expected)
        yield from list(_check_noise(sound, heard)) or _check_steady(sound, heard, expected)
    else:
        loudest = 20 * np.log10(max(float(sound.levels.max(initial=0.0)), 1e-6))
        yield Finding(AudioFault.SILENCE, f"it is silent: nothing in it is louder than {loudest:.0f} dB of full scale")
    yield from _check_peak(sound, expected)


def is_voice_heard(blocks: Iterable[Values], sample_rate: int, expected: ExpectedSound) -> bool:
    """Whether there is a voice in a piece of a sound; it listens no longer than it must.

    Args:
        blocks: of `PREROLL_FRAMES` frames. The first is left out: a decoder that begins in the middle hasn't settled.
        sample_rate: in Hz.
        expected: what is plausible for the line.
    """
    voiced: list[float] = []
    for block in islice(blocks, 1, None):
        sound = measure([block], sample_rate)
        if sound.clipped:
            return False
        voiced += sound.levels[(sound.levels > _least_level(expected)) & ~_is_noisy(sound)].tolist()
        if len(voiced) >= _VOICED_FRAMES and max(voiced) > min(voiced) * 10 ** (_MOVING_DB / 20):
            return True
    return False


def check_length(seconds: float, expected: ExpectedSound) -> Iterator[Finding]:
    """Finds a duration that isn't plausible for the line."""
    bounds = expected.bounds
    if bounds is not None and not bounds.least_s <= seconds <= bounds.most_s:
        message = f"{seconds:.2f} s is not plausible for the text: {bounds.least_s:.2f} to {bounds.most_s:.2f} s are"
        yield Finding(AudioFault.LENGTH, message)


def _check_silence(heard: npt.NDArray[np.bool_], expected: ExpectedSound) -> Iterator[Finding]:
    heard_s, silence_s = np.count_nonzero(heard) / FRAMES_A_SECOND, longest_run(~heard) / FRAMES_A_SECOND
    least_s = 0.0 if expected.bounds is None else expected.bounds.least_heard_s
    if heard_s < least_s:
        yield Finding(
            AudioFault.SILENCE, f"only {heard_s:.2f} s of it can be heard, and the text needs {least_s:.2f} s"
        )
    most_s = _LONGEST_SILENCE_S + expected.pause_seconds
    if expected.bounds is not None and silence_s > most_s:
        message = f"it is silent for {silence_s:.2f} s on end, and the text's pauses explain {most_s:.2f} s"
        yield Finding(AudioFault.SILENCE, message)


def _check_noise(sound: Sound, heard: npt.NDArray[np.bool_]) -> Iterator[Finding]:
    noisy = heard & _is_noisy(sound)
    noise_s, share = longest_run(noisy) / FRAMES_A_SECOND, np.count_nonzero(noisy) / np.count_nonzero(heard)
    if noise_s > _LONGEST_NOISE_S or share > _NOISE_SHARE:
        yield Finding(AudioFault.NOISE, f"it is noise: {share:.0%} of it, {noise_s:.2f} s on end")


def _check_steady(sound: Sound, heard: npt.NDArray[np.bool_], expected: ExpectedSound) -> Iterator[Finding]:
    """Finds tones, hums and coloured noise in the place of a known line: their level stays the same."""
    if expected.bounds is None:
        return
    levels = 20 * np.log10(sound.levels[heard])
    size = min(len(levels), int(_LONGEST_STEADY_S * FRAMES_A_SECOND))
    if size < _SHORTEST_STEADY_S * FRAMES_A_SECOND:
        return
    windows = np.lib.stride_tricks.sliding_window_view(levels, size)[:: int(_STEADY_HOP_S * FRAMES_A_SECOND)]
    low, high = np.percentile(windows, (5, 95), axis=1)
    range_db = float((high - low).min())
    if range_db < _STEADY_DB:
        message = f"it is a steady sound for {size / FRAMES_A_SECOND:.2f} s: its level moves by {range_db:.1f} dB"
        yield Finding(AudioFault.NOISE, message)


def _check_peak(sound: Sound, expected: ExpectedSound) -> Iterator[Finding]:
    # A line that is requested louder than its voice is clipped as requested.
    if expected.gain_db is None or expected.gain_db > 0:
        return
    share = sound.clipped / max(sound.samples, 1)
    if sound.peak > _HIGHEST_PEAK or share > _CLIPPED_SHARE:
        message = f"it is clipped: its peak is {sound.peak:.2f} of full scale, and {share:.0%} of it is at full scale"
        yield Finding(AudioFault.PEAK, message)


def _least_level(expected: ExpectedSound) -> float:
    gain_db = _SOFTEST_DB if expected.gain_db is None else min(expected.gain_db, 0.0)
    return float(max(_HEARD * 10 ** (gain_db / 20), _LEAST_HEARD))


def _is_noisy(sound: Sound) -> npt.NDArray[np.bool_]:
    return np.abs(sound.correlations) < _NOISE_CORRELATION
