"""The job: one request to speak one line as one character."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from schemas.enums import AudioEncoding, PhoneticAlphabet
from schemas.field_types import (
    JOB_ID_PATTERN,
    NAME_RULES,
    TOPIC_PATTERN,
    CharacterKey,
    Deadline,
    Label,
    Name,
    Number,
    Ssml,
    Stated,
    Text,
    Voice,
    Whole,
)
from schemas.languages import TAG_PATTERN as LANGUAGE_PATTERN
from schemas.languages import written_as_usual
from schemas.message import Request
from schemas.phonetics import SCHEMA_RULES, check_alphabet, check_phonemes, check_phonetic
from schemas.ssml import check_ssml, without_namespace
from schemas.text_markup import check_markup

_WAV_RATES: Final = (8000, 16000, 22050, 24000, 32000, 44100, 48000)
SAMPLE_RATES: Final = dict.fromkeys(AudioEncoding, _WAV_RATES) | {
    # The rates that Opus knows (RFC 6716, section 2).
    AudioEncoding.OGG_OPUS: (8000, 12000, 16000, 24000, 48000),
}


@contextmanager
def _problem_of(*location: str | int, value: object) -> Iterator[None]:
    """Reports a ValueError inside as the problem of a field within the one that is being validated."""
    try:
        yield
    except ValueError as error:
        problem = PydanticCustomError("value_error", "{message}", {"message": str(error)})
        details = InitErrorDetails(type=problem, loc=location, input=value)
        raise ValidationError.from_exception_data("Job", [details]) from None


def _rate_by_encoding() -> dict[str, Any]:
    """The rule of `AudioFormat` in JSON Schema: Opus has rates of its own."""

    def rates(encoding: AudioEncoding) -> dict[str, Any]:
        return {"properties": {"sample_rate": {"enum": [*SAMPLE_RATES[encoding], None]}}}

    opus = {"properties": {"encoding": {"enum": [AudioEncoding.OGG_OPUS.value, None]}}}
    return {"if": opus, "then": rates(AudioEncoding.OGG_OPUS), "else": rates(AudioEncoding.LINEAR16)}


class AudioFormat(Request):
    """The requested audio format."""

    model_config = ConfigDict(json_schema_extra=_rate_by_encoding())

    encoding: AudioEncoding = AudioEncoding.OGG_OPUS
    sample_rate: Whole = Field(
        default=24000,
        description="Samples per second, in Hz. Both voice models speak natively at 24,000 Hz.",
    )

    @model_validator(mode="after")
    def _rate_fits_encoding(self) -> Self:
        allowed = SAMPLE_RATES[self.encoding]
        if self.sample_rate not in allowed:
            raise ValueError(f"{self.encoding} takes a sample_rate of {', '.join(map(str, allowed))}")
        return self


class Pronunciation(Request):
    """How to pronounce a phrase, wherever it occurs in the text."""

    phrase: Name = Field(description="The phrase as it is written in the text.")
    phonetic: Name = Field(description="Its pronunciation in the alphabet below.")
    alphabet: PhoneticAlphabet = Field(
        default=PhoneticAlphabet.IPA,
        description="pinyin (hang2 zhang3) or jyutping for the Chinese languages; ipa or x-sampa for all others.",
    )


_TEXT: Final[dict[str, Any]] = {
    "required": ["text"],
    "properties": {"text": {"type": "string"}, "ssml": {"type": "null"}},
}
_SSML: Final[dict[str, Any]] = {
    "required": ["ssml"],
    "properties": {
        "ssml": {"type": "string"},
        "text": {"type": "null"},
        "pronunciations": {"anyOf": [{"maxItems": 0}, {"type": "null"}]},
    },
}


_STREAM: Final[dict[str, Any]] = {
    "if": {"properties": {"stream": {"const": True}}, "required": ["stream"]},
    "then": {"properties": {"reply_topic": {"type": "string"}}, "required": ["reply_topic"]},
}


class Job(Request):
    """One request to speak one line as one character. Times are in UTC or have an offset."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [_TEXT, _SSML], "allOf": [*SCHEMA_RULES, _STREAM]})

    job_id: str = Field(pattern=JOB_ID_PATTERN, description="Chosen by the producer; the completion repeats it.")
    character: CharacterKey = Field(description="Key of a character in the catalogue, such as pip_boy.")
    text: Text | None = Field(
        default=None,
        description="The line as plain text, at most 50,000 bytes. Its only markup is [pause short], [pause] and "
        "[pause long].",
    )
    ssml: Ssml | None = Field(default=None, description="The line as SSML, instead of text; at most 5,000 bytes.")
    language: Annotated[str, AfterValidator(written_as_usual)] = Field(
        default="en-US",
        pattern=LANGUAGE_PATTERN,
        description="BCP 47 tag such as en-US, cmn-TW or zh-Hant-TW; without a region, the likely one.",
    )
    user_id: Name | None = Field(default=None, description="Keeps all lines of a user in the rollout, or out of it.")
    rollout_key: Name | None = Field(
        default=None,
        description="A session or scene whose lines all get the same voice model; takes precedence over user_id.",
    )
    voice: Voice | None = Field(
        default=None, description="Forces a voice model (chirp3-hd, wavenet) or a voice by its full name."
    )
    audio: AudioFormat = AudioFormat()
    speaking_rate: Number | None = Field(
        default=None,
        ge=0.25,
        le=2.0,
        description="Speed, 0.25 to 2.0; 1.0 is the voice's normal speed. Default: the character's.",
    )
    pitch: Number | None = Field(
        default=None,
        ge=-20,
        le=20,
        description="Semitones, -20 to 20; only WaveNet applies it. Default: the character's.",
    )
    volume_gain_db: Number = Field(default=0.0, ge=-96, le=16, description="Gain in dB, -96 to 16.")
    # Fails fast: with an error for each entry, a list of 300,000 wrong ones would block all jobs for seconds.
    pronunciations: tuple[Pronunciation, ...] = Field(
        default=(),
        max_length=100,
        fail_fast=True,
        json_schema_extra={"uniqueItems": True},
        description="At most 100, each phrase once; only with text.",
    )
    deadline: Deadline | None = Field(
        default=None, description="After this time the audio is of no use: the job ends as expired."
    )
    take: Whole = Field(
        default=1,
        ge=1,
        le=1_000_000,
        description="Take number, 1 and up. A new number requests a new recording of the same line.",
    )
    reply_topic: str | None = Field(
        default=None,
        pattern=TOPIC_PATTERN,
        description="Topic for a copy of the completion; one of those that the worker allows (REPLY_TOPICS).",
    )
    stream: Annotated[bool, Field(strict=True)] = Field(
        default=False,
        description="In the dialogue lane, with reply_topic: the audio is sent there in chunks while it is made, "
        "before the completion.",
    )
    labels: Annotated[dict[Name, Label], Stated({"propertyNames": NAME_RULES})] = Field(
        default_factory=dict, max_length=32, description="At most 32; the completion repeats them unchanged."
    )

    @field_validator("text")
    @classmethod
    def _speakable(cls, text: str | None) -> str | None:
        if text is not None:
            check_markup(text)
        return text

    @field_validator("ssml")
    @classmethod
    def _well_formed(cls, ssml: str | None) -> str | None:
        if ssml is None:
            return None
        check_ssml(ssml)
        if (plain := without_namespace(ssml)) != ssml:
            check_ssml(plain)
        return plain

    @field_validator("pronunciations")
    @classmethod
    def _each_phrase_once(cls, entries: tuple[Pronunciation, ...], info: ValidationInfo) -> tuple[Pronunciation, ...]:
        if entries and info.data.get("ssml") is not None:
            raise ValueError("go with text; SSML says <phoneme>")
        phrases = [entry.phrase for entry in entries]
        twice = next((phrase for phrase in phrases if phrases.count(phrase) > 1), None)
        if twice is not None:
            raise ValueError(f"the phrase {twice!a} stands twice")
        for number, entry in enumerate(entries):
            with _problem_of(number, "phonetic", value=entry.phonetic):
                check_phonetic(entry.phonetic, entry.alphabet)
            if "language" in info.data:
                with _problem_of(number, "alphabet", value=entry.alphabet.value):
                    check_alphabet(entry.alphabet, info.data["language"])
        return entries

    @model_validator(mode="after")
    def _ssml_fits_language(self) -> Self:
        if self.ssml is not None:
            with _problem_of("ssml", value=self.ssml):
                check_phonemes(self.ssml, self.language)
        return self

    @model_validator(mode="after")
    def _stream_has_a_place(self) -> Self:
        if self.stream and self.reply_topic is None:
            with _problem_of("stream", value=self.stream):
                raise ValueError("goes to reply_topic, which must be there")
        return self

    @model_validator(mode="after")
    def _one_input(self) -> Self:
        if (self.text is None) == (self.ssml is None):
            raise ValueError("exactly one of text and ssml must be there")
        return self
