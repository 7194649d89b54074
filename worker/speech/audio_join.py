"""Joins the audio of a long text's parts into one take: concatenated without clicks, and encoded once, as a stream."""

import io
import math
from array import array
from collections.abc import Callable
from threading import Lock
from typing import Final

import soundfile

from schemas.enums import AudioEncoding
from worker.speech.audio_format import CONTAINERS, read_duration

# Short enough to cut no word, and long enough for its slope to be inaudible among those of speech.
_FADE_S: Final = 0.005
_OPUS_LEVEL: Final = 0.8
_BLOCK_S: Final = 1.0


class AudioJoin:
    """One file that is made of LINEAR16 parts, one after the other; a part isn't needed any more once it was added.

    The result is as long as all parts together: no silence is cut, since the line may have requested it. At each joint
    both edges are faded to zero, so that there is no step between the end of one part and the beginning of the next.
    Its methods are slow: call them on a thread. Each waits for the one that runs.

    Args:
        encoding: the result's.
        sample_rate: of the parts and the result, in Hz.
    """

    def __init__(self, encoding: AudioEncoding, sample_rate: int) -> None:
        self._lock = Lock()
        self._sample_rate = sample_rate
        self._fade = round(_FADE_S * sample_rate)
        self._file = io.BytesIO()
        self._sound: soundfile.SoundFile | None = None
        self._write: Callable[[bytes], object] = self._file.write
        # The end of the last part: it is faded when another part follows.
        self._end = array("h")
        self._is_first = True
        if encoding is not AudioEncoding.PCM:
            container, subtype = CONTAINERS[encoding]
            self._sound = soundfile.SoundFile(
                self._file,
                "w",
                samplerate=sample_rate,
                channels=1,
                format=container,
                subtype=subtype,
                # The default level of Ogg takes 2.5 times the CPU time, for two thirds of the bytes.
                compression_level=_OPUS_LEVEL if encoding is AudioEncoding.OGG_OPUS else None,
            )
            sound = self._sound
            self._write = lambda samples: sound.buffer_write(samples, dtype="int16")

    def add(self, part: bytes) -> None:
        """Adds the next part, a whole LINEAR16 file.

        Raises:
            BadAudioError: the part is empty, cut or not LINEAR16.
        """
        read_duration(part, AudioEncoding.LINEAR16, self._sample_rate)
        with self._lock:
            self._add(part)

    def _add(self, part: bytes) -> None:
        _fade(self._end, range(len(self._end) - 1, -1, -1))
        self._flush()
        with soundfile.SoundFile(io.BytesIO(part)) as sound:
            edge = min(self._fade, sound.frames)
            # The first block holds the whole edge.
            frames = max(edge, round(_BLOCK_S * self._sample_rate))
            is_edge = not self._is_first
            while block := bytes(sound.buffer_read(frames, dtype="int16")):
                samples = array("h", block)
                if is_edge:
                    _fade(samples, range(edge))
                    is_edge = False
                self._end += samples
                self._write(self._end[: len(self._end) - edge].tobytes())
                self._end = self._end[len(self._end) - edge :]
        self._is_first = False

    def finish(self) -> bytes:
        """The whole file; nothing may be added after it."""
        with self._lock:
            self._flush()
        self.close()
        return self._file.getvalue()

    def close(self) -> None:
        """Ends the encoding; a file that was begun is of no use then, unless it was finished."""
        with self._lock:
            if self._sound is not None:
                self._sound.close()

    def _flush(self) -> None:
        self._write(self._end.tobytes())
        self._end = array("h")


def _fade(samples: "array[int]", positions: range) -> None:
    """Scales samples: to zero at the first position, and hardly at all at the last."""
    for step, position in enumerate(positions):
        samples[position] = round(samples[position] * (1 - math.cos(math.pi * step / len(positions))) / 2)
