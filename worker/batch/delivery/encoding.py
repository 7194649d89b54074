"""Encodes a delivered file, by libsndfile: the same sound gives the same bytes."""

import io
from typing import Final

import soundfile

from worker.batch.delivery.options import Form
from worker.speech.ogg_opus import with_serial
from worker.speech.sound import Values

_CONTAINERS: Final = {
    Form.WAV: ("WAV", "PCM_24"),
    Form.FLAC: ("FLAC", "PCM_24"),
    Form.OGG: ("OGG", "VORBIS"),
    Form.OPUS: ("OGG", "OPUS"),
    Form.MP3: ("MP3", "MPEG_LAYER_III"),
}
# libsndfile draws the serial number of an Ogg stream; a file with a single stream may have any (RFC 3533, section 4).
_SERIAL: Final = 1


def encode(samples: Values, sample_rate: int, form: Form) -> bytes:
    """One mono file. Slow: it encodes.

    Args:
        samples: full scale at 1.0.
        sample_rate: one that the form knows, in Hz.
    """
    (container, subtype), file = _CONTAINERS[form], io.BytesIO()
    soundfile.write(file, samples, sample_rate, format=container, subtype=subtype)
    return with_serial(file.getvalue(), _SERIAL) if container == "OGG" else file.getvalue()
