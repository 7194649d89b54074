"""Samples become the bytes that Google would answer with. Blocks, so it belongs on a thread."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import soundfile

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadtest.emulator.rules import Encoding
    from loadtest.emulator.speech import Samples

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
    """A whole file in its container (PCM has none: little-endian, 16 bits), cut short by `stopped`."""
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
