"""How much memory the sound of a line takes while it is made, by what is known of the line before. Pure."""

from typing import Final

from schemas.enums import AudioEncoding
from worker.speech.render import Rendered

MOST_PARTS: Final = 8
"""The parts of a joined line in memory at once: those that are spoken, and those that wait for an earlier one."""

# Speech has some 12 letters a second or more; what is spoken more slowly is short.
_SECONDS_A_UNIT: Final = 0.085
_SAMPLE_BYTES: Final = 2
_CODED_BYTES_A_SECOND: Final = 8_000
_OF_SAMPLES: Final = {
    AudioEncoding.LINEAR16: 1.0,
    AudioEncoding.PCM: 1.0,
    AudioEncoding.MULAW: 0.5,
    AudioEncoding.ALAW: 0.5,
}


def working_bytes(rendered: Rendered) -> int:
    """About how many bytes a line takes at most until its take is stored.

    The audio comes twice, as it is and on its way to the store; of a joined line some parts come beside it.
    """
    seconds = rendered.spoken_units * _SECONDS_A_UNIT / rendered.speaking_rate + rendered.pause_seconds
    samples = seconds * rendered.sample_rate * _SAMPLE_BYTES
    share = _OF_SAMPLES.get(rendered.encoding)
    audio = seconds * _CODED_BYTES_A_SECOND if share is None else samples * share
    parts = len(rendered.inputs)
    in_memory = min(1.0, MOST_PARTS / parts) if parts > 1 or rendered.encoding is AudioEncoding.PCM else 0.0
    return int(2 * audio + in_memory * samples)
