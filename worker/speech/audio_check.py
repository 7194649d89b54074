"""Audio check: can this audio be the line that was asked for? Run before audio is stored; decodes the whole sound."""

import asyncio
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final

import structlog

from schemas.enums import AudioEncoding
from worker.config.sections import AudioCheckSettings
from worker.observability.metrics import Metrics
from worker.speech.audio_format import BadAudioError, check_decoded_length, decode, read_header
from worker.speech.ogg_opus import OggOpus
from worker.speech.render import Rendered
from worker.speech.sound import block_samples, frame_samples, measure
from worker.speech.sound_check import PREROLL_FRAMES, ExpectedSound, Finding, check_length, check_sound, is_voice_heard
from worker.speech.speaking_pace import LineLength, SpeakingPace

REJECT_ALL: Final = AudioCheckSettings()

_OPUS: Final = AudioEncoding.OGG_OPUS
_CODED: Final = frozenset({AudioEncoding.MP3, _OPUS})
_PIECE_S: Final = 1.0
_QUICK_BYTES: Final = 2**19
"""Of plain samples: some ten seconds, which take less than the way to a thread and back."""

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
    if header.pages is not None and _has_voice(audio, header.pages, header.sample_rate, expected):
        duration_s = min(header.seconds, header.pages.seconds)
        contradicts = check_decoded_length(header, header.pages.seconds)
        return Inspection(duration_s, (*header.findings, *contradicts, *check_length(duration_s, expected)))
    sound = measure(decode(audio, encoding, block_samples(header.sample_rate)), header.sample_rate)
    if not sound.samples:
        raise BadAudioError("the audio is a header without sound")
    duration_s = sound.samples / header.sample_rate
    findings = (*header.findings, *check_decoded_length(header, duration_s), *check_sound(sound, duration_s, expected))
    return Inspection(duration_s, findings)


def _has_voice(audio: bytes, pages: OggOpus, sample_rate: int, expected: ExpectedSound) -> bool:
    """Whether a voice is heard in every second piece of an Ogg Opus file: decoding all would take ten times as long.

    A silence or a noise that is long enough to be a fault fills at least one of the pieces.
    """
    headers = audio[: pages.headers_end]
    block = PREROLL_FRAMES * frame_samples(sample_rate)

    def heard(start: int, end: int) -> bool:
        try:
            return is_voice_heard(decode(headers + audio[start:end], _OPUS, block), sample_rate, expected)
        except BadAudioError:
            return False

    return bool(pages.pages) and all(heard(*piece) for piece in islice(pages.pieces(_PIECE_S), 0, None, 2))


def _is_quick(audio: bytes, encoding: AudioEncoding) -> bool:
    return encoding not in _CODED and len(audio) <= _QUICK_BYTES


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
        """Checks the audio of a whole line; on a thread, if that takes more than a millisecond or two.

        Returns:
            Its duration in seconds, as decoded.

        Raises:
            BadAudioError: the audio can't be used.
        """
        line = LineLength(rendered.spoken_units, rendered.extra_units, rendered.pause_seconds, rendered.speaking_rate)
        bounds = self._pace.bounds(rendered.voice, line)
        expected = ExpectedSound(bounds, rendered.pause_seconds, rendered.volume_gain_db)
        inspect = partial(inspect_audio, audio, rendered.encoding, rendered.sample_rate, expected)
        inspection = inspect() if _is_quick(audio, rendered.encoding) else await asyncio.to_thread(inspect)
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
