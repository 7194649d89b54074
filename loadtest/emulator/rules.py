"""Google's rules: what a request must be to be spoken, and in which words it is refused otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import grpc
from google.cloud import texttospeech_v1 as tts

from loadtest.emulator.script import Say, Script, SsmlError, script_of_markup, script_of_ssml, sentences
from loadtest.emulator.voices import VOICES, Gender, Voice, default_voice

if TYPE_CHECKING:
    from google.cloud.texttospeech_v1.types import cloud_tts

    from loadtest.emulator.settings import EmulatorSettings

Encoding = Literal["LINEAR16", "MP3", "OGG_OPUS", "MULAW", "ALAW", "PCM"]
InputForm = Literal["text", "ssml", "markup"]

NATIVE_HZ = 24_000
_PCM_HZ = frozenset(range(8_000, 48_001))
_SAMPLE_RATES: dict[Encoding, frozenset[int]] = {
    "LINEAR16": _PCM_HZ,
    "PCM": _PCM_HZ,
    "MULAW": _PCM_HZ,
    "ALAW": _PCM_HZ,
    "MP3": frozenset({8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000}),
    "OGG_OPUS": frozenset({8_000, 12_000, 16_000, 24_000, 48_000}),
}
_ENCODINGS = {int(getattr(tts.AudioEncoding, name)): name for name in _SAMPLE_RATES}
_GENDERS: dict[int, Gender] = {
    int(tts.SsmlVoiceGender.FEMALE): "female",
    int(tts.SsmlVoiceGender.MALE): "male",
}
_RATES = (0.25, 2.0)
_PITCHES_ST = (-20.0, 20.0)
_GAINS_DB = (-96.0, 16.0)


class RefusedError(Exception):
    """The call ends with this status instead of audio."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        """Keep what the client is to see."""
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Order:
    """A request that keeps the rules: what is to be spoken, and how."""

    voice: Voice
    input: str
    """The input as it was sent, whose characters are billed."""
    form: InputForm
    script: Script
    rate: float
    pitch_st: float
    gain_db: float
    encoding: Encoding
    sample_rate: int


def input_of(request: cloud_tts.SynthesizeSpeechRequest) -> str:
    """The input as it was sent, whichever form it has; empty if there is none."""
    form = request.input.WhichOneof("input_source")
    return str(getattr(request.input, form)) if form in ("text", "ssml", "markup") else ""


def order_of(request: cloud_tts.SynthesizeSpeechRequest, settings: EmulatorSettings) -> Order:
    """What a request (the raw protobuf message) orders.

    Raises:
        RefusedError: INVALID_ARGUMENT, in Google's words where they are known.
    """
    form = request.input.WhichOneof("input_source")
    # Two inputs can't be told apart here: of the members of a oneof, protobuf keeps the last one.
    if form not in ("text", "ssml", "markup"):
        raise _invalid("Exactly one of `input.text`, `input.ssml` or `input.markup` must be set.")
    content = input_of(request)
    if not content.strip():
        raise _invalid(f"`input.{form}` is empty.")
    if len(content.encode()) > settings.max_input_bytes:
        raise _invalid(
            "Either `input.text` or `input.ssml` is longer than the limit of "
            f"{settings.max_input_bytes} bytes. This limit is different from quotas. To fix, reduce the byte "
            "length of the characters in this request, or consider using the Long Audio API."
        )
    voice = _voice(request.voice)
    rate, pitch_st, gain_db = _manner(request.audio_config, voice)
    encoding, sample_rate = _format(request.audio_config)
    script = _script(form, content, voice)
    _check_sentences(script, settings.max_sentence_characters)
    return Order(voice, content, form, script, rate, pitch_st, gain_db, encoding, sample_rate)


def _invalid(message: str) -> RefusedError:
    return RefusedError(grpc.StatusCode.INVALID_ARGUMENT, message)


def _voice(asked: cloud_tts.VoiceSelectionParams) -> Voice:
    if not asked.language_code:
        raise _invalid("`voice.language_code` must be set.")
    if asked.name:
        voice = VOICES.get(asked.name)
        if voice is None or voice.locale.lower() != asked.language_code.lower():
            raise _invalid(f"Voice '{asked.name}' does not exist. Is it misspelled?")
        return voice
    voice = default_voice(asked.language_code, _GENDERS.get(asked.ssml_gender))
    if voice is None:
        raise _invalid(f"No voice for the language code '{asked.language_code}'. Is it misspelled?")
    return voice


def _manner(config: cloud_tts.AudioConfig, voice: Voice) -> tuple[float, float, float]:
    """Rate, pitch in semitones, gain in dB; protobuf's 0 for the rate means that none was asked for."""
    rate = config.speaking_rate or 1.0
    if not _RATES[0] <= rate <= _RATES[1]:
        raise _invalid(f"speaking_rate must be between {_RATES[0]} and {_RATES[1]}, it is {rate:g}.")
    if not _PITCHES_ST[0] <= config.pitch <= _PITCHES_ST[1]:
        raise _invalid(f"pitch must be between -20.0 and 20.0, it is {config.pitch:g}.")
    if not _GAINS_DB[0] <= config.volume_gain_db <= _GAINS_DB[1]:
        raise _invalid(f"volume_gain_db must be between -96.0 and 16.0, it is {config.volume_gain_db:g}.")
    if config.pitch and voice.model == "chirp3-hd":
        raise _invalid("This voice does not support pitch parameters at this time.")
    return rate, config.pitch, config.volume_gain_db


def _format(config: cloud_tts.AudioConfig) -> tuple[Encoding, int]:
    encoding = _ENCODINGS.get(config.audio_encoding)
    if encoding is None:
        raise _invalid(f"Unsupported audio encoding {config.audio_encoding}; {', '.join(_SAMPLE_RATES)} exist.")
    sample_rate = config.sample_rate_hertz or NATIVE_HZ
    if sample_rate not in _SAMPLE_RATES[encoding]:
        raise _invalid(f"Sample rate {sample_rate} is not supported for {encoding}.")
    return encoding, sample_rate


def _script(form: str, content: str, voice: Voice) -> Script:
    if form == "text":
        return (Say(content),)
    if form == "markup":
        if voice.model != "chirp3-hd":
            raise _invalid("`input.markup` may only be used with Chirp 3: HD voices.")
        return script_of_markup(content)
    try:
        return script_of_ssml(content, chirp=voice.model == "chirp3-hd")
    except SsmlError as error:
        message = f"Invalid SSML. {error}"
        raise _invalid(message) from error


def _check_sentences(script: Script, limit: int) -> None:
    for part in script:
        if isinstance(part, Say) and len(part.text) > limit:
            for sentence in sentences(part.text):
                if len(sentence) > limit:
                    raise _invalid(
                        "This request contains sentences that are too long. Consider splitting up long "
                        "sentences with sentence ending punctuation e.g. periods. "
                        f'Sentence starting with: "{sentence[:20]}" is too long.'
                    )
