"""What every engine offers: speech for a prosody, as samples."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from loadtest.emulator.prosody import Prosody

Samples = npt.NDArray[np.float32]
Stopped = Callable[[], bool]
"""Whether the caller has given up: an engine then ends early."""

LEVEL_RMS = 0.1
"""Each utterance is scaled to this level: the engines' own levels differ by up to 17 dB."""
LEAD_S = 0.05
"""Silence before the first word."""


class SpeechError(RuntimeError):
    """The engine doesn't know the language, or failed."""


class EngineEndedError(SpeechError):
    """The engine's process ended or didn't answer in time; the next call starts another one."""


class Sentence(NamedTuple):
    """What a model spoke, at its own sample rate, and the seconds of CPU time that it took."""

    samples: Samples
    cpu_s: float


class Engine(Protocol):
    """Speaks. Blocking: call it on a thread."""

    def speak(self, prosody: Prosody, sample_rate: int, stopped: Stopped) -> Samples:
        """Returns mono samples in -1…1 at `sample_rate`. Ends early when `stopped` returns true.

        Raises:
            SpeechError: the engine has no voice for the language, or failed.
        """


def silence(seconds: float, sample_rate: int) -> Samples:
    """Returns samples without a sound."""
    return np.zeros(round(seconds * sample_rate), dtype=np.float32)


def levelled(samples: Samples) -> Samples:
    """Returns an utterance at the engines' common level."""
    return np.asarray(samples * (LEVEL_RMS / max(float(np.sqrt(np.mean(samples**2))), 1e-4)), dtype=np.float32)
