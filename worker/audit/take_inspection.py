"""Inspects one stored take: does it match its metadata, and can its audio be a voice? Slow: it decodes all audio."""

import hashlib
import io
from array import array
from collections.abc import Iterator
from typing import Final

import soundfile

from schemas.enums import AudioEncoding
from worker.speech.audio_check import BadAudioError, read_duration
from worker.storage.takes import StoredTake

CORRUPT: Final = "corrupt"
IMPLAUSIBLE: Final = "implausible"

# MP3 has frames of up to 48 ms, and its encoders add some before and after the audio.
_SLACK_S: Final = 0.15
_SLACK_SHARE: Final = 0.01
# -54 dB of full scale: no voice is audible below it, and a dithered silence lies well below it.
_LOUD: Final = 64
_BLOCK_FRAMES: Final = 2**16


def find_fault(take: StoredTake, audio: bytes) -> tuple[str, str] | None:
    """Finds what is wrong with a stored take.

    Args:
        take: as its metadata describes it; its size is the object's.
        audio: the object's bytes.

    Returns:
        None for a faultless take. Otherwise the fault and its reason: `CORRUPT` if the bytes are not those that were
        stored, `IMPLAUSIBLE` if they are no voice of that length.
    """
    if hashlib.sha256(audio).hexdigest() != take.sha256:
        return CORRUPT, f"the SHA-256 of its {len(audio):,} bytes differs from the one in its metadata"
    try:
        declared_s = read_duration(audio, take.encoding, take.sample_rate)
        seconds, loudest = _decode(audio, take)
    except BadAudioError as error:
        return IMPLAUSIBLE, str(error)
    except soundfile.LibsndfileError as error:
        return IMPLAUSIBLE, f"the audio can't be decoded to its end: {error.error_string}"
    for duration_s in (declared_s, seconds):
        if abs(duration_s - take.duration_s) > _SLACK_S + _SLACK_SHARE * take.duration_s:
            return IMPLAUSIBLE, f"it lasts {duration_s:.2f} s, but its metadata says {take.duration_s:.2f} s"
    if loudest < _LOUD:
        return IMPLAUSIBLE, f"it is silent: its loudest sample is {loudest} of 32,767"
    return None


def _decode(audio: bytes, take: StoredTake) -> tuple[float, int]:
    """The length of the decoded audio in seconds, and the level of its loudest sample, of 16 bits."""
    frames = loudest = 0
    for block in _blocks(audio, take):
        frames += len(block)
        highest, lowest = max(block), min(block)
        loudest = max(loudest, highest, -lowest)
    return frames / take.sample_rate, loudest


def _blocks(audio: bytes, take: StoredTake) -> Iterator["array[int]"]:
    if take.encoding is AudioEncoding.PCM:
        for start in range(0, len(audio), 2 * _BLOCK_FRAMES):
            yield array("h", audio[start : start + 2 * _BLOCK_FRAMES])
        return
    with soundfile.SoundFile(io.BytesIO(audio)) as sound:
        while block := bytes(sound.buffer_read(_BLOCK_FRAMES, dtype="int16")):
            yield array("h", block)
