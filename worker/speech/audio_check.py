"""Audio check: is it whole, in the requested format, and of a plausible length? Run before audio is stored."""

import io
from typing import Final

import soundfile

from schemas.enums import AudioEncoding
from schemas.errors import ChirpWorkerError

CONTAINERS: Final = {
    AudioEncoding.OGG_OPUS: ("OGG", "OPUS"),
    AudioEncoding.MP3: ("MP3", "MPEG_LAYER_III"),
    AudioEncoding.LINEAR16: ("WAV", "PCM_16"),
    AudioEncoding.MULAW: ("WAV", "ULAW"),
    AudioEncoding.ALAW: ("WAV", "ALAW"),
}
"""libsndfile's format and subtype of each encoding; PCM has neither."""

_BYTES_PER_SAMPLE: Final = 2

# Speech has 2 to some 20 letters a second at the voice's own rate. The bounds leave room for digits and abbreviations,
# which are spoken longer than they are written.
_LEAST_SECONDS_A_UNIT: Final = 0.025
_MOST_SECONDS_A_UNIT: Final = 0.5
_MOST_SECONDS_BESIDE: Final = 10.0
_UNKNOWN_LENGTH: Final = 0xFFFFFFFF


class BadAudioError(ChirpWorkerError):
    """The audio can't be used; the message says why."""


def check_audio(
    audio: bytes,
    *,
    encoding: AudioEncoding,
    sample_rate: int,
    spoken_units: int,
    speaking_rate: float,
    pause_seconds: float = 0.0,
) -> float:
    """Checks that the audio has the requested format and a length that is plausible for its text.

    Args:
        audio: the whole answer.
        encoding: as requested.
        sample_rate: as requested, in Hz.
        spoken_units: as `render.spoken_units` counts them.
        speaking_rate: the requested factor.
        pause_seconds: the sum of the pauses in the line.

    Returns:
        The duration in seconds, as read from the audio.

    Raises:
        BadAudioError: the audio is empty, cut, in another format, or implausibly short or long.
    """
    if not audio:
        raise BadAudioError("the audio is empty")
    duration = read_duration(audio, encoding, sample_rate)
    least = _LEAST_SECONDS_A_UNIT * spoken_units / speaking_rate
    most = _MOST_SECONDS_A_UNIT * spoken_units / speaking_rate + _MOST_SECONDS_BESIDE + 3 * pause_seconds
    if not least <= duration <= most or duration == 0:
        raise BadAudioError(f"{duration:.2f} s is not plausible for the text: {least:.2f} to {most:.2f} s are")
    return duration


def read_duration(audio: bytes, encoding: AudioEncoding, sample_rate: int) -> float:
    """Reads the duration from a whole file's header; PCM has no header, so its size says it.

    Returns:
        The duration in seconds.

    Raises:
        BadAudioError: the header can't be read, the format is another one, or the file is cut.
    """
    if encoding is AudioEncoding.PCM:
        if len(audio) % _BYTES_PER_SAMPLE:
            raise BadAudioError("the PCM audio is cut in the middle of a sample")
        return len(audio) / _BYTES_PER_SAMPLE / sample_rate
    try:
        info = soundfile.info(io.BytesIO(audio))
    except soundfile.LibsndfileError as error:
        raise BadAudioError(f"the audio can't be decoded as {encoding}: {error.error_string}") from None
    if (info.format, info.subtype) != CONTAINERS[encoding]:
        raise BadAudioError(f"the audio is {info.format} {info.subtype}, not {encoding}")
    if encoding is AudioEncoding.OGG_OPUS:
        _check_pages(audio)
    elif info.format == "WAV":
        _check_riff_length(audio)
    return float(info.frames / info.samplerate)


def _check_pages(audio: bytes) -> None:
    """Checks that the last Ogg page is whole: each page says how long it is (RFC 3533, section 6).

    A cut between two pages goes unnoticed: it only loses the end-of-stream flag, which some encoders never set.
    """
    header, segments_at = 27, 26
    start = 0
    while start < len(audio):
        count = audio[start + segments_at] if len(audio) >= start + header else 0
        end = start + header + count + sum(audio[start + header : start + header + count])
        if not audio.startswith(b"OggS", start) or end > len(audio):
            raise BadAudioError("the audio is cut: its last page is not whole")
        start = end


def _check_riff_length(audio: bytes) -> None:
    """Checks the file's length against its RIFF header; streams don't know it and say 0 or the largest number."""
    declared = int.from_bytes(audio[4:8], "little")
    if declared not in {0, _UNKNOWN_LENGTH} and len(audio) < declared + 8:
        raise BadAudioError(f"the audio is cut: {len(audio)} bytes of {declared + 8}")
