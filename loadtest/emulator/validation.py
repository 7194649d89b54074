"""Validates requests by Google's rules, and refuses invalid ones with Google's own messages. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import grpc
from google.cloud import texttospeech_v1 as tts
from google.cloud.texttospeech_v1.types import cloud_tts

from loadtest.emulator.markup import ParsedInput, SpokenText, SsmlError, parse_markup, parse_ssml, sentences
from loadtest.emulator.settings import EmulatorSettings
from loadtest.emulator.voices import VOICES, Gender, Voice, default_voice

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
_SOUNDS_A_DIGIT = 4
_PINYIN = int(tts.CustomPronunciationParams.PhoneticEncoding.PHONETIC_ENCODING_PINYIN)
_RATES = (0.25, 2.0)
_PITCHES_ST = (-20.0, 20.0)
_GAINS_DB = (-96.0, 16.0)


class RefusedError(Exception):
    """The call ends with this gRPC status instead of audio."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class ValidRequest:
    """A request that passed validation: the text to speak, the voice and the audio format."""

    voice: Voice
    input: str
    """The input as sent; its characters are billed."""
    form: InputForm
    parsed: ParsedInput
    rate: float
    pitch_st: float
    gain_db: float
    encoding: Encoding
    sample_rate: int


def request_input(request: cloud_tts.SynthesizeSpeechRequest) -> str:
    """Returns the input as sent, in any of its forms, or an empty string."""
    form = request.input.WhichOneof("input_source")
    return str(getattr(request.input, form)) if form in ("text", "ssml", "markup") else ""


def validate(request: cloud_tts.SynthesizeSpeechRequest, settings: EmulatorSettings) -> ValidRequest:
    """Validates a raw protobuf message.

    Raises:
        RefusedError: INVALID_ARGUMENT, with Google's message where it is known.
    """
    form = request.input.WhichOneof("input_source")
    # A request with two inputs can't be detected here: protobuf keeps only the last member of a oneof.
    if form not in ("text", "ssml", "markup"):
        raise _invalid("Exactly one of `input.text`, `input.ssml` or `input.markup` must be set.")
    content = request_input(request)
    if not content.strip():
        raise _invalid(f"`input.{form}` is empty.")
    if len(content.encode()) > settings.max_input_bytes:
        raise _invalid(
            "Either `input.text` or `input.ssml` is longer than the limit of "
            f"{settings.max_input_bytes} bytes. This limit is different from quotas. To fix, reduce the byte "
            "length of the characters in this request, or consider using the Long Audio API."
        )
    voice = _voice(request.voice, settings.removed_voices)
    rate, pitch_st, gain_db = _speech_controls(request.audio_config, voice)
    encoding, sample_rate = _format(request.audio_config, voice)
    parsed = _parse(form, content, voice)
    _check_pronunciations(request.input.custom_pronunciations, voice)
    _check_sentences(parsed, settings.max_sentence_characters)
    return ValidRequest(voice, content, form, parsed, rate, pitch_st, gain_db, encoding, sample_rate)


def _invalid(message: str) -> RefusedError:
    return RefusedError(grpc.StatusCode.INVALID_ARGUMENT, message)


def _voice(selection: cloud_tts.VoiceSelectionParams, removed: Collection[str]) -> Voice:
    if not selection.language_code:
        raise _invalid("`voice.language_code` must be set.")
    if selection.name:
        voice = VOICES.get(selection.name)
        if voice is None or voice.name in removed or voice.locale.lower() != selection.language_code.lower():
            raise _invalid(f"Voice '{selection.name}' does not exist. Is it misspelled?")
        return voice
    voice = default_voice(selection.language_code, _GENDERS.get(selection.ssml_gender))
    if voice is None:
        raise _invalid(f"No voice for the language code '{selection.language_code}'. Is it misspelled?")
    return voice


def _speech_controls(config: cloud_tts.AudioConfig, voice: Voice) -> tuple[float, float, float]:
    """Returns the rate, the pitch in semitones and the gain in dB. A rate of 0 is protobuf's default: not set."""
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


def _format(config: cloud_tts.AudioConfig, voice: Voice) -> tuple[Encoding, int]:
    encoding = _ENCODINGS.get(config.audio_encoding)
    if encoding is None:
        raise _invalid(f"Unsupported audio encoding {config.audio_encoding}; {', '.join(_SAMPLE_RATES)} exist.")
    if encoding == "PCM" and voice.model == "chirp3-hd":
        # Google's page says otherwise; its answers don't (livekit/agents#2176, pgmichael/wavenet-for-chrome#104).
        raise _invalid("This voice currently only supports LINEAR16, MP3, OGG_OPUS, MULAW, ALAW.")
    sample_rate = config.sample_rate_hertz or NATIVE_HZ
    if sample_rate not in _SAMPLE_RATES[encoding]:
        raise _invalid(f"Sample rate {sample_rate} is not supported for {encoding}.")
    return encoding, sample_rate


def _parse(form: str, content: str, voice: Voice) -> ParsedInput:
    if form == "text":
        return (SpokenText(content),)
    if form == "markup":
        if voice.model != "chirp3-hd":
            raise _invalid("`input.markup` may only be used with Chirp 3: HD voices.")
        return parse_markup(content)
    try:
        return parse_ssml(content, chirp=voice.model == "chirp3-hd", chinese=_is_chinese(voice))
    except SsmlError as error:
        raise _invalid(f"Invalid SSML. {error}") from error


def _check_pronunciations(custom: cloud_tts.CustomPronunciations, voice: Voice) -> None:
    """Refuses an alphabet that the language doesn't have. WaveNet ignores custom pronunciations."""
    if voice.model != "chirp3-hd":
        return
    for entry in custom.pronunciations:
        if (entry.phonetic_encoding == _PINYIN) != _is_chinese(voice):
            name = tts.CustomPronunciationParams.PhoneticEncoding(entry.phonetic_encoding).name
            raise _invalid(f"{name} is not supported for the language code '{voice.locale}'.")


def _is_chinese(voice: Voice) -> bool:
    return voice.locale.startswith(("cmn-", "yue-"))


def spoken_length(text: str) -> int:
    """About how long a text is when it is spoken, in characters: Google's limit is on sounds, and a digit is a word."""
    return len(text) + (_SOUNDS_A_DIGIT - 1) * sum(character.isdigit() for character in text)


def _check_sentences(parsed: ParsedInput, limit: int) -> None:
    for part in parsed:
        if isinstance(part, SpokenText) and spoken_length(part.text) > limit:
            for sentence in sentences(part.text):
                if spoken_length(sentence) > limit:
                    raise _invalid(
                        "This request contains sentences that are too long. Consider splitting up long "
                        "sentences with sentence ending punctuation e.g. periods. "
                        f'Sentence starting with: "{sentence[:20]}" is too long.'
                    )
