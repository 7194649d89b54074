"""Joins the audio of a long text's parts into one take: concatenated without clicks, and encoded once."""

import io
import math
from array import array
from collections.abc import Callable, Sequence
from typing import Final

import soundfile

from schemas.enums import AudioEncoding
from worker.speech.audio_check import CONTAINERS, read_duration

# Short enough to cut no word, and long enough for its slope to be inaudible among those of speech.
_FADE_S: Final = 0.005
_OPUS_LEVEL: Final = 0.8


def join_parts(parts: Sequence[bytes], encoding: AudioEncoding, sample_rate: int) -> bytes:
    """Joins LINEAR16 parts into one file of the given encoding. Slow: run it on a thread.

    The result is as long as all parts together: no silence is cut, since the line may have requested it. At each joint
    both edges are faded to zero, so that there is no step between the end of one part and the beginning of the next.

    Args:
        parts: whole LINEAR16 files of the same sample rate, in order.
        encoding: the result's.
        sample_rate: of the parts and the result, in Hz.

    Raises:
        BadAudioError: a part is empty, cut or not LINEAR16.
    """
    for part in parts:
        read_duration(part, AudioEncoding.LINEAR16, sample_rate)
    made = io.BytesIO()
    if encoding is AudioEncoding.PCM:
        _write(parts, sample_rate, made.write)
        return made.getvalue()
    container, subtype = CONTAINERS[encoding]
    # The default level of Ogg takes 2.5 times the CPU time, for two thirds of the bytes.
    level = _OPUS_LEVEL if encoding is AudioEncoding.OGG_OPUS else None
    with soundfile.SoundFile(
        made,
        "w",
        samplerate=sample_rate,
        channels=1,
        format=container,
        subtype=subtype,
        compression_level=level,
    ) as sound:
        _write(parts, sample_rate, lambda samples: sound.buffer_write(samples, dtype="int16"))
    return made.getvalue()


def _write(parts: Sequence[bytes], sample_rate: int, write: Callable[[bytes], object]) -> None:
    """Writes the samples of the parts, with one part in memory at a time."""
    for number, part in enumerate(parts):
        samples = _samples(part)
        count = min(round(_FADE_S * sample_rate), len(samples))
        if number > 0:
            _fade(samples, range(count))
        if number < len(parts) - 1:
            _fade(samples, range(len(samples) - 1, len(samples) - 1 - count, -1))
        write(samples.tobytes())


def _fade(samples: "array[int]", positions: range) -> None:
    """Scales samples: to zero at the first position, and hardly at all at the last."""
    for step, position in enumerate(positions):
        samples[position] = round(samples[position] * (1 - math.cos(math.pi * step / len(positions))) / 2)


def _samples(part: bytes) -> "array[int]":
    with soundfile.SoundFile(io.BytesIO(part)) as sound:
        return array("h", bytes(sound.buffer_read(dtype="int16")))
