"""Encodes samples in the formats that Google returns. Blocking: call it on a thread."""

import io
from collections.abc import Callable

import numpy as np
import soundfile

from loadtest.emulator.engines.interface import Samples
from loadtest.emulator.validation import Encoding

_FORMATS: dict[Encoding, tuple[str, str]] = {
    "LINEAR16": ("WAV", "PCM_16"),
    "MULAW": ("WAV", "ULAW"),
    "ALAW": ("WAV", "ALAW"),
    "MP3": ("MP3", "MPEG_LAYER_III"),
    "OGG_OPUS": ("OGG", "OPUS"),
}
_BLOCK_S = 5
_OPUS_LEVEL = 0.8


def encode(samples: Samples, encoding: Encoding, sample_rate: int, stopped: Callable[[], bool]) -> bytes:
    """Returns a complete file. PCM is raw 16-bit little-endian samples. Ends early when `stopped` returns true."""
    clipped = np.clip(samples, -1.0, 1.0)
    if encoding == "PCM":
        return (clipped * 32767.0).astype("<i2").tobytes()
    container, subtype = _FORMATS[encoding]
    file = io.BytesIO()
    with soundfile.SoundFile(
        file,
        "w",
        samplerate=sample_rate,
        channels=1,
        format=container,
        subtype=subtype,
        # The default level takes 2.5 times the CPU time.
        compression_level=_OPUS_LEVEL if encoding == "OGG_OPUS" else None,
    ) as sound:
        block = _BLOCK_S * sample_rate
        for start in range(0, clipped.size, block):
            if stopped():
                break
            sound.write(clipped[start : start + block])
    return file.getvalue()
