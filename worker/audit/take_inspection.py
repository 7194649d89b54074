"""Inspects one stored take: does it match its metadata, and can its audio be a voice? Slow: it decodes the audio."""

import hashlib
from typing import Final

from worker.speech.audio_check import inspect_audio
from worker.speech.audio_format import LENGTH_SLACK_S, LENGTH_SLACK_SHARE, BadAudioError
from worker.speech.sound_check import ANY_LINE
from worker.storage.takes import StoredTake

CORRUPT: Final = "corrupt"
IMPLAUSIBLE: Final = "implausible"


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
        inspection = inspect_audio(audio, take.encoding, take.sample_rate, ANY_LINE)
    except BadAudioError as error:
        return IMPLAUSIBLE, str(error)
    except Exception as error:  # noqa: BLE001  # whatever a decoder meets in foreign bytes is a finding about them
        return IMPLAUSIBLE, f"the audio can't be decoded: {type(error).__name__} {error}".rstrip()
    for finding in inspection.findings:
        return IMPLAUSIBLE, finding.message
    if abs(inspection.duration_s - take.duration_s) > LENGTH_SLACK_S + LENGTH_SLACK_SHARE * take.duration_s:
        return IMPLAUSIBLE, f"it lasts {inspection.duration_s:.2f} s, but its metadata says {take.duration_s:.2f} s"
    return None
