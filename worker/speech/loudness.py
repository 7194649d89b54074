"""Loudness by ITU-R BS.1770-4, as EBU R 128 measures it: integrated, in LUFS, with both gates. Slow: it decodes audio.

libloudness measures it: the package `loudness` is a wheel of 0.1 MB that needs NumPy alone.
"""

import math
from typing import Final

import loudness
import numpy as np

from schemas.enums import AudioEncoding
from worker.speech.audio_format import decode, read_header
from worker.speech.sound import Values, block_samples

SILENT: Final = -math.inf
"""The loudness of silence, and of what is shorter than a gating block."""
# BS.1770's gating block. Shorter audio has no integrated loudness.
_BLOCK_S: Final = 0.4


def decode_whole(audio: bytes, encoding: AudioEncoding, sample_rate: int) -> tuple[Values, int]:
    """All samples of a take, mono with full scale at 1.0, and their rate in Hz.

    Args:
        sample_rate: of the take, in Hz; used for PCM alone, which has no header.

    Raises:
        BadAudioError: it can't be decoded.
    """
    rate = read_header(audio, encoding, sample_rate).sample_rate
    blocks = list(decode(audio, encoding, block_samples(rate)))
    return (np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)), rate


def integrated_lufs(samples: Values, sample_rate: int) -> float:
    """The integrated loudness in LUFS; `SILENT` where there is none."""
    if len(samples) < math.ceil(_BLOCK_S * sample_rate):
        return SILENT
    return float(loudness.integrated_loudness(samples, sample_rate))


def matching_gains_db(first_lufs: float, second_lufs: float) -> tuple[float, float]:
    """By how many dB each of two sounds is turned down so that both are as loud as the quieter one. Nothing can clip.

    One without a loudness leaves both as they are.
    """
    if not (math.isfinite(first_lufs) and math.isfinite(second_lufs)):
        return 0.0, 0.0
    target = min(first_lufs, second_lufs)
    return target - first_lufs, target - second_lufs


def with_gain(samples: Values, gain_db: float) -> Values:
    """The samples turned up or down."""
    return (samples * np.float32(10 ** (gain_db / 20))).astype(np.float32)
