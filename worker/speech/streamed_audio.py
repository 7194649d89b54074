"""What Google can stream of a line, and the file that a stream's audio is together. Pure."""

import struct
from typing import Final

from schemas.enums import AudioEncoding, VoiceModel
from worker.speech.render import InputForm, Rendered

_STREAMED: Final = {
    AudioEncoding.OGG_OPUS: AudioEncoding.OGG_OPUS,
    # Its header, which Google doesn't stream, is written here.
    AudioEncoding.LINEAR16: AudioEncoding.PCM,
    AudioEncoding.PCM: AudioEncoding.PCM,
}
"""The encoding in which Google streams, by the line's. It streams no MP3; MULAW and ALAW are left to its calls."""
_SAMPLE_BYTES: Final = 2
_HEADER_BYTES: Final = 36
_UNKNOWN_BYTES: Final = 0xFFFFFFFF
"""The length in the header of a WAV whose end isn't known yet, as ffmpeg writes it, too."""


def stream_encoding(rendered: Rendered) -> AudioEncoding | None:
    """The encoding in which Google streams a line's audio; None if it can't stream the line.

    It streams Chirp alone, text and markup but no SSML, and at no other volume.
    """
    is_plain = all(each.form is not InputForm.SSML for each in rendered.inputs)
    if rendered.voice.voice_model is not VoiceModel.CHIRP3_HD or not is_plain or rendered.volume_gain_db:
        return None
    return _STREAMED.get(rendered.encoding)


class StreamedFile:
    """The file that a stream's audio is together: what a call would have answered.

    Args:
        encoding: of the file; one that `stream_encoding` has an answer for.
        sample_rate: in Hz.
    """

    def __init__(self, encoding: AudioEncoding, sample_rate: int) -> None:
        self._is_wav = encoding is AudioEncoding.LINEAR16
        self._sample_rate = sample_rate
        self._pieces: list[bytes] = []

    @property
    def is_empty(self) -> bool:
        """Whether no audio has come yet."""
        return not self._pieces

    def add(self, piece: bytes) -> bytes:
        """Adds audio as Google streams it, and returns it as a listener needs it: the first piece with the header."""
        begins = self.is_empty and self._is_wav
        self._pieces.append(piece)
        return _wav_header(self._sample_rate, _UNKNOWN_BYTES) + piece if begins else piece

    def whole(self) -> bytes:
        """The whole file; empty if no audio has come."""
        audio = b"".join(self._pieces)
        return _wav_header(self._sample_rate, len(audio)) + audio if audio and self._is_wav else audio


def _wav_header(sample_rate: int, size: int) -> bytes:
    """The header of a WAV with one channel of 16 bits.

    Args:
        size: of its samples, in bytes.
    """
    riff = b"RIFF" + struct.pack("<I", min(size + _HEADER_BYTES, _UNKNOWN_BYTES)) + b"WAVE"
    rate = struct.pack("<HHIIHH", 1, 1, sample_rate, sample_rate * _SAMPLE_BYTES, _SAMPLE_BYTES, 8 * _SAMPLE_BYTES)
    return riff + b"fmt " + struct.pack("<I", len(rate)) + rate + b"data" + struct.pack("<I", size)
