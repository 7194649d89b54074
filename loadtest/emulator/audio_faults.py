"""Broken audio that is answered with OK: how each kind of fault changes a clip's samples or its file. Pure."""

from collections.abc import Callable
from random import Random

import numpy as np

from loadtest.emulator.engines.interface import Samples
from loadtest.emulator.settings import FaultKind

_SHORT_SHARE = 0.4
_QUIET = 0.005
_LOUD = 10.0
_NOISE_LEVEL = 0.2
_CLICK_SAMPLES = 5
_TONE_PERIOD = 48
_TRUNCATED_TO = 0.3


def _long(samples: Samples, _random: Random) -> Samples:
    return np.concatenate([samples, samples[::-1], samples, samples[::-1]])


def _noise(samples: Samples, random: Random) -> Samples:
    generator = np.random.default_rng(random.getrandbits(32))
    return generator.normal(0.0, _NOISE_LEVEL, samples.size).astype(np.float32)


def _pink(samples: Samples, random: Random) -> Samples:
    spectrum = np.fft.rfft(_noise(samples, random))
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(spectrum.size), 1)), samples.size)
    return np.asarray(pink * (_NOISE_LEVEL / max(float(pink.std()), _NOISE_LEVEL / 1000)), dtype=np.float32)


def _tone(samples: Samples, _random: Random) -> Samples:
    return np.asarray(_NOISE_LEVEL * np.sin(2 * np.pi / _TONE_PERIOD * np.arange(samples.size)), dtype=np.float32)


def _click(samples: Samples, _random: Random) -> Samples:
    return np.concatenate([np.ones(_CLICK_SAMPLES, dtype=np.float32), samples[_CLICK_SAMPLES:]])


SAMPLE_FAULTS: dict[FaultKind, Callable[[Samples, Random], Samples]] = {
    "silent": lambda samples, _: np.zeros_like(samples),
    "header": lambda samples, _: samples[:0],
    "short": lambda samples, _: samples[: int(samples.size * _SHORT_SHARE)],
    "long": _long,
    "quiet": lambda samples, _: samples * np.float32(_QUIET),
    "loud": lambda samples, _: samples * np.float32(_LOUD),
    "noise": _noise,
    "pink": _pink,
    "tone": _tone,
    "other": lambda samples, _: samples[::-1].copy(),
    "click": _click,
}
"""What a generative model does that goes wrong. The samples are encoded as asked.

`silent` has the clip's length, `header` no sample at all. `short` ends at 40 %, `long` lasts four times as long.
`quiet` is 46 dB down, `loud` 20 dB up, over full scale. `noise` is white, `pink` has less of it the higher it is,
`tone` hums. `other` has the words backwards. `click` begins with a click.
"""


def _with_second_header(wav: bytes, _random: Random) -> bytes:
    start = wav.index(b"data") + 8
    header = bytearray(wav[:start])
    for field in (4, start - 4):
        size = int.from_bytes(header[field : field + 4], "little") + start
        header[field : field + 4] = size.to_bytes(4, "little")
    return bytes(header) + wav


FILE_FAULTS: dict[FaultKind, Callable[[bytes, Random], bytes]] = {
    "empty": lambda _, __: b"",
    "truncated": lambda audio, _: audio[: int(len(audio) * _TRUNCATED_TO)],
    "garbled": lambda audio, random: random.randbytes(len(audio)),
    "riff": _with_second_header,
}
"""What isn't the file that was asked for.

`empty` has no byte, `truncated` the first 30 % of them, `garbled` as many random ones. `riff` has a second header among
its samples; it wants a WAV.
"""

AUDIO_FAULTS = SAMPLE_FAULTS.keys() | FILE_FAULTS.keys()
