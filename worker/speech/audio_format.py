"""Audio format: is audio in the container of its encoding, and as long as its header says? Decodes it in blocks."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import soundfile

from schemas.enums import AudioEncoding, AudioFault
from schemas.errors import ChirpWorkerError
from worker.speech.ogg_opus import Head, OggOpus, read_head, read_pages
from worker.speech.sound import Values
from worker.speech.sound_check import Finding

CONTAINERS: Final = {
    AudioEncoding.OGG_OPUS: ("OGG", "OPUS"),
    AudioEncoding.MP3: ("MP3", "MPEG_LAYER_III"),
    AudioEncoding.LINEAR16: ("WAV", "PCM_16"),
    AudioEncoding.MULAW: ("WAV", "ULAW"),
    AudioEncoding.ALAW: ("WAV", "ALAW"),
}
"""libsndfile's format and subtype of each encoding; PCM has neither."""

_BYTES_PER_SAMPLE: Final = 2
_FULL_SCALE: Final = np.float32(1 / 32768)
# What writers that can't seek back put for a length that they don't know: 0xFFFFFFFF (ffmpeg), 0x7FFFF000 (SoX).
_UNKNOWN_LENGTH: Final = 0x7FFF_F000
_RIFF_HEADER: Final = 12
_CHUNK_HEADER: Final = 8
_CONTAINER_MARKS: Final = (
    b"RIFF",
    b"RIFX",
    b"RF64",
    b"OggS",
    b"ID3",
    b"fLaC",
    b"FORM",
    b".snd",
    b"caff",
    b"\x1a\x45\xdf\xa3",
)
# libsndfile's name of a WAV whose header has the longer form; its samples are the same.
_WAV_FORMATS: Final = {"WAVEX": "WAV"}
LENGTH_SLACK_S: Final = 0.15
LENGTH_SLACK_SHARE: Final = 0.01
"""How far two lengths of one audio may differ: MP3's frames last up to 48 ms, and its encoders add some around it."""


class BadAudioError(ChirpWorkerError):
    """The audio can't be used; the message says why, `fault` which check it failed."""

    def __init__(self, message: str, fault: AudioFault = AudioFault.UNREADABLE) -> None:
        super().__init__(message)
        self.fault = fault


@dataclass(frozen=True)
class Header:
    """What the header says: the number of frames, their rate in Hz, and what contradicts the request or the bytes.

    PCM has no header: its size says its length. The packets on the pages of Ogg Opus say theirs; `pages` is None where
    they contradict each other. A cut between two
    pages is no contradiction: it only loses the end-of-stream flag, which some encoders never set.
    """

    frames: int
    sample_rate: int
    channels: int
    findings: tuple[Finding, ...]
    pages: OggOpus | None = None

    @property
    def seconds(self) -> float:
        """The length that the header says, in seconds."""
        return self.frames / self.sample_rate


def read_header(audio: bytes, encoding: AudioEncoding, sample_rate: int) -> Header:
    """Reads the header of a whole file, without decoding its sound.

    Args:
        audio: the whole file.
        encoding: as requested.
        sample_rate: as requested, in Hz.

    Raises:
        BadAudioError: nothing can be played: the audio is empty, or is none of that encoding.
    """
    if not audio:
        raise BadAudioError("the audio is empty")
    if encoding is AudioEncoding.PCM:
        return _pcm_header(audio, sample_rate)
    pages = read_pages(audio) if encoding is AudioEncoding.OGG_OPUS else None
    head = None if pages is None else read_head(audio, pages)
    if head is None:
        head = _libsndfile_head(audio, encoding)
    findings: list[Finding] = []
    if encoding is AudioEncoding.OGG_OPUS:
        findings += _check_pages(pages)
    elif CONTAINERS[encoding][0] == "WAV":
        findings += _check_chunks(audio)
    if head.channels != 1:
        findings.append(Finding(AudioFault.FORMAT, f"it has {head.channels} channels; every take has one"))
    # Opus decodes at any of its rates: the rate in its header is that of the encoder's input (RFC 7845, section 5.1).
    if encoding is not AudioEncoding.OGG_OPUS and head.sample_rate != sample_rate:
        message = f"the audio has {head.sample_rate:,} samples a second, not {sample_rate:,}"
        findings.append(Finding(AudioFault.FORMAT, message))
    whole = pages if pages is not None and pages.contradiction is None else None
    return Header(head.frames, head.sample_rate, head.channels, tuple(findings), whole)


def read_duration(audio: bytes, encoding: AudioEncoding, sample_rate: int) -> float:
    """Reads the duration from a whole file's header, in seconds. It may lie: `worker/speech/audio_check.py` decodes.

    Raises:
        BadAudioError: the header can't be read, says something else than was requested, or the file is cut.
    """
    header = read_header(audio, encoding, sample_rate)
    for finding in header.findings:
        raise BadAudioError(finding.message, finding.fault)
    return header.seconds


def check_decoded_length(header: Header, decoded_s: float) -> Iterator[Finding]:
    """Checks how many seconds were decoded against the header: a cut MP3 still says its whole length."""
    if abs(decoded_s - header.seconds) > LENGTH_SLACK_S + LENGTH_SLACK_SHARE * decoded_s:
        message = f"the audio is cut: its header says {header.seconds:.2f} s, and {decoded_s:.2f} s can be decoded"
        yield Finding(AudioFault.CUT, message)


def decode(audio: bytes, encoding: AudioEncoding, block_frames: int) -> Iterator[Values]:
    """Decodes the audio in blocks of so many frames, with full scale at 1.0; of several channels the first.

    Raises:
        BadAudioError: it can't be decoded to its end.
    """
    if encoding is AudioEncoding.PCM:
        yield from _pcm_blocks(audio, block_frames)
        return
    with _decoding(encoding), _Stream(io.BytesIO(audio)) as sound:
        while len(block := sound.read(block_frames, dtype="float32")):
            yield block if block.ndim == 1 else block[:, 0]


class _Stream(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A file that is read from its beginning to its end.

    In one that can be sought, soundfile seeks to its place after each read: Opus decodes half a second for that, and
    MP3 prints warnings to standard error.
    """

    def seekable(self) -> bool:
        return False


@contextmanager
def _decoding(encoding: AudioEncoding) -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:
        message = f"the audio can't be decoded to its end as {encoding}: {error.error_string}"
        raise BadAudioError(message) from None
    except Exception as error:  # noqa: BLE001  # whatever a decoder meets in foreign bytes is a finding about them
        message = f"the audio can't be decoded to its end as {encoding}: {type(error).__name__} {error}"
        raise BadAudioError(message) from None


def _libsndfile_head(audio: bytes, encoding: AudioEncoding) -> Head:
    try:
        info = soundfile.info(io.BytesIO(audio))
    except soundfile.LibsndfileError as error:
        raise BadAudioError(f"the audio can't be decoded as {encoding}: {error.error_string}") from None
    if (_WAV_FORMATS.get(info.format, info.format), info.subtype) != CONTAINERS[encoding]:
        raise BadAudioError(f"the audio is {info.format} {info.subtype}, not {encoding}")
    return Head(info.frames, info.samplerate, info.channels)


def _pcm_header(audio: bytes, sample_rate: int) -> Header:
    if audio.startswith(_CONTAINER_MARKS):
        raise BadAudioError(f"the PCM audio begins with a header: {audio[:4]!r}")
    findings: tuple[Finding, ...] = ()
    if len(audio) % _BYTES_PER_SAMPLE:
        findings = (Finding(AudioFault.CUT, "the PCM audio is cut in the middle of a sample"),)
    return Header(len(audio) // _BYTES_PER_SAMPLE, sample_rate, 1, findings)


def _pcm_blocks(audio: bytes, block_frames: int) -> Iterator[Values]:
    samples: npt.NDArray[Any] = np.frombuffer(audio, dtype="<i2", count=len(audio) // _BYTES_PER_SAMPLE)
    for start in range(0, len(samples), block_frames):
        yield samples[start : start + block_frames] * _FULL_SCALE


def _check_pages(pages: OggOpus | None) -> Iterator[Finding]:
    if pages is None:
        yield Finding(AudioFault.CUT, "the audio is cut: its last page is not whole")
    elif pages.contradiction is not None:
        yield Finding(AudioFault.CUT, pages.contradiction)


def _check_chunks(audio: bytes) -> Iterator[Finding]:
    """Checks the lengths in a WAV's headers against the file, and that its samples are no file themselves."""
    declared = int.from_bytes(audio[4:8], "little")
    if 0 < declared < _UNKNOWN_LENGTH and len(audio) < declared + _CHUNK_HEADER:
        yield Finding(AudioFault.CUT, f"the audio is cut: {len(audio)} bytes of {declared + _CHUNK_HEADER}")
    position = _RIFF_HEADER
    while position + _CHUNK_HEADER <= len(audio):
        size = int.from_bytes(audio[position + 4 : position + _CHUNK_HEADER], "little")
        if audio.startswith(b"data", position):
            yield from _check_data(audio, position + _CHUNK_HEADER, size)
            return
        position += _CHUNK_HEADER + size + size % 2


def _check_data(audio: bytes, start: int, size: int) -> Iterator[Finding]:
    if audio.startswith(_CONTAINER_MARKS, start):
        raise BadAudioError(f"the samples begin with another header: {audio[start : start + 4]!r}")
    if size < _UNKNOWN_LENGTH and start + size > len(audio):
        yield Finding(AudioFault.CUT, f"the audio is cut: {len(audio) - start} bytes of samples of {size}")
