"""Audio check: can this audio be the line that was asked for? Run before audio is stored; decodes the whole sound."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final

import structlog

from schemas.enums import AudioEncoding
from worker.config.sections import AudioCheckSettings
from worker.observability.metrics import Metrics
from worker.speech.audio_format import BadAudioError, Header, check_decoded_length, decode, read_header
from worker.speech.ogg_opus import OggOpus
from worker.speech.render import Rendered
from worker.speech.sound import block_samples, frame_samples, measure
from worker.speech.sound_check import PREROLL_FRAMES, ExpectedSound, Finding, check_length, check_sound, is_voice_heard
from worker.speech.speaking_pace import LineLength, SpeakingPace

REJECT_ALL: Final = AudioCheckSettings()

_OPUS: Final = AudioEncoding.OGG_OPUS
_CODED: Final = frozenset({AudioEncoding.MP3, _OPUS})
_PIECE_S: Final = 1.0
_LONGEST_PAGE_S: Final = 1.2
"""Google's pages last a second. A piece in which nothing is heard is decoded to its end, some 3 ms a second."""
_QUICK_BYTES: Final = 2**19
"""Of plain samples some ten seconds, which take less than the way to a thread and back; of Ogg Opus more than a minute,
whose pages are read in 3 ms."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Inspection:
    """What was found in audio that can be played; `duration_s` is the length of what was decoded, in seconds."""

    duration_s: float
    findings: tuple[Finding, ...]


def inspect_audio(audio: bytes, encoding: AudioEncoding, sample_rate: int, expected: ExpectedSound) -> Inspection:
    """Decodes audio and compares it with what was requested. Slow: run it on a thread.

    Args:
        audio: the whole answer.
        encoding: as requested.
        sample_rate: as requested, in Hz.
        expected: what is plausible for the line.

    Raises:
        BadAudioError: nothing of it can be played.
    """
    header = read_header(audio, encoding, sample_rate)
    if header.pages is not None and all(_pieces_heard(audio, header.pages, header.sample_rate, expected)):
        return _inspect_pages(header, header.pages, expected)
    return _inspect_whole(audio, encoding, header, expected)


def _inspect_pages(header: Header, pages: OggOpus, expected: ExpectedSound) -> Inspection:
    """What its pages say of Ogg Opus in which a voice was heard."""
    duration_s = min(header.seconds, pages.seconds)
    contradicts = check_decoded_length(header, pages.seconds)
    return Inspection(duration_s, (*header.findings, *contradicts, *check_length(duration_s, expected)))


def _inspect_whole(audio: bytes, encoding: AudioEncoding, header: Header, expected: ExpectedSound) -> Inspection:
    sound = measure(decode(audio, encoding, block_samples(header.sample_rate)), header.sample_rate)
    if not sound.samples:
        raise BadAudioError("the audio is a header without sound")
    duration_s = sound.samples / header.sample_rate
    findings = (*header.findings, *check_decoded_length(header, duration_s), *check_sound(sound, duration_s, expected))
    return Inspection(duration_s, findings)


def _pieces_heard(audio: bytes, pages: OggOpus, sample_rate: int, expected: ExpectedSound) -> Iterator[bool]:
    """For every second piece of an Ogg Opus file, whether a voice is heard in it: decoding all takes ten times as long.

    A silence or a noise that is long enough to be a fault fills at least one of the pieces. A file without sound counts
    as a piece in which nothing is heard.
    """
    headers = audio[: pages.headers_end]
    block = PREROLL_FRAMES * frame_samples(sample_rate)
    for start, end in islice(pages.pieces(_PIECE_S), 0, None, 2):
        try:
            yield is_voice_heard(decode(headers + audio[start:end], _OPUS, block), sample_rate, expected)
        except BadAudioError:
            yield False
    if not pages.pages:
        yield False


def _is_quick(audio: bytes, encoding: AudioEncoding) -> bool:
    return encoding not in _CODED and len(audio) <= _QUICK_BYTES


async def _inspect(audio: bytes, encoding: AudioEncoding, sample_rate: int, expected: ExpectedSound) -> Inspection:
    """Inspects audio as `inspect_audio` does.

    Ogg Opus is heard on the event loop, piece by piece: on a thread each of its many short calls of the decoder would
    wait for the interpreter's lock, and all the checks together for it most of the time.
    """
    if _is_quick(audio, encoding):
        return inspect_audio(audio, encoding, sample_rate, expected)
    if encoding is _OPUS and len(audio) <= _QUICK_BYTES:
        header = read_header(audio, encoding, sample_rate)
        if header.pages is not None and header.pages.longest_page_s <= _LONGEST_PAGE_S:
            for is_heard in _pieces_heard(audio, header.pages, header.sample_rate, expected):
                if not is_heard:
                    return await asyncio.to_thread(partial(_inspect_whole, audio, encoding, header, expected))
                await asyncio.sleep(0)
            return _inspect_pages(header, header.pages, expected)
    return await asyncio.to_thread(partial(inspect_audio, audio, encoding, sample_rate, expected))


class AudioCheck:
    """Checks audio before it is stored, and learns each voice's pace from what is good.

    Args:
        settings: whether audio that fails a check is rejected.
        metrics: counts the warnings; who makes the attempt counts what is rejected.
    """

    def __init__(self, settings: AudioCheckSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._pace = SpeakingPace()

    async def check(self, audio: bytes, rendered: Rendered) -> float:
        """Checks the audio of a whole line; what takes more than a millisecond or two on end goes to a thread.

        Returns:
            Its duration in seconds, as decoded.

        Raises:
            BadAudioError: the audio can't be used.
        """
        line = LineLength(rendered.spoken_units, rendered.extra_units, rendered.pause_seconds, rendered.speaking_rate)
        bounds = self._pace.bounds(rendered.voice, line)
        expected = ExpectedSound(bounds, rendered.pause_seconds, rendered.volume_gain_db)
        inspection = await _inspect(audio, rendered.encoding, rendered.sample_rate, expected)
        self._act_on(inspection.findings, rendered)
        if not inspection.findings:
            self._pace.observe(rendered.voice, line, inspection.duration_s)
        return inspection.duration_s

    def _act_on(self, findings: tuple[Finding, ...], rendered: Rendered) -> None:
        for finding in findings:
            if getattr(self._settings, finding.fault) == "reject":
                raise BadAudioError(finding.message, finding.fault)
        voice = rendered.voice
        for finding in findings:
            self._metrics.count_audio_fault(voice.voice_model, finding.fault, "warn")
            _log.warning("audio_doubtful", voice=voice.name, check=finding.fault.value, detail=finding.message)
