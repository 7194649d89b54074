"""The job: one request to speak one line as one character."""

import re
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from schemas.enums import AudioEncoding, PhoneticAlphabet
from schemas.ssml import check_ssml
from schemas.text_markup import check_markup

_WAV_RATES: Final = (8000, 16000, 22050, 24000, 32000, 44100, 48000)
SAMPLE_RATES: Final = dict.fromkeys(AudioEncoding, _WAV_RATES) | {
    # The rates that Opus knows (RFC 6716, section 2).
    AudioEncoding.OGG_OPUS: (8000, 12000, 16000, 24000, 48000),
}

JOB_ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._:@=+-]{0,127}$"
TOPIC_PATTERN: Final = r"^[A-Za-z0-9._-]{1,249}$"
"""Kafka's own rule for topic names."""
MAX_TEXT_BYTES: Final = 50_000
# No voice can speak these: C0 and C1 control characters (except tab and newlines), DEL, lone surrogates,
# non-characters.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

_DATE_AND_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:")


def _no_control_characters(text: str) -> str:
    found = _CONTROL.search(text)
    if found:
        raise ValueError(
            f"holds the character U+{ord(found[0]):04X} at position {found.start()}, which can't be spoken"
        )
    return text


def _rfc3339(value: object) -> object:
    # pydantic alone would read "1700000000" as seconds since 1970. It expects ValueError for a wrong type, too.
    if not isinstance(value, str) or not _DATE_AND_TIME.match(value):
        raise ValueError("must be an RFC 3339 time such as 2026-01-31T12:00:00Z")
    return value


Plain = Annotated[str, AfterValidator(_no_control_characters)]
Name = Annotated[Plain, StringConstraints(min_length=1, max_length=256)]
# Bounded, since the completion repeats the labels: it must fit into its topic if the job fitted into its lane.
Label = Annotated[Plain, StringConstraints(max_length=1024)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Message(BaseModel):
    """The base of all messages: immutable; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=False)


class AudioFormat(Message):
    """The requested audio format."""

    encoding: AudioEncoding = AudioEncoding.OGG_OPUS
    sample_rate: int = Field(
        default=24000,
        strict=True,
        description="Samples per second, in Hz. Both voice models speak natively at 24,000 Hz.",
    )

    @model_validator(mode="after")
    def _rate_fits_encoding(self) -> Self:
        allowed = SAMPLE_RATES[self.encoding]
        if self.sample_rate not in allowed:
            raise ValueError(f"{self.encoding} takes a sample_rate of {', '.join(map(str, allowed))}")
        return self


class Pronunciation(Message):
    """How to pronounce a phrase, wherever it occurs in the text."""

    phrase: Name = Field(description="The phrase as it is written in the text.")
    phonetic: Name = Field(description="Its pronunciation in the alphabet below.")
    alphabet: PhoneticAlphabet = PhoneticAlphabet.IPA


class Job(Message):
    """One request to speak one line as one character. Times are in UTC or have an offset."""

    job_id: str = Field(pattern=JOB_ID_PATTERN, description="Chosen by the producer; the completion repeats it.")
    character: Name = Field(max_length=64, description="Key of a character in the catalogue, such as pip_boy.")
    text: Plain | None = Field(
        default=None,
        description="The line as plain text. Its only markup is [pause short], [pause] and [pause long].",
    )
    ssml: Plain | None = Field(default=None, description="The line as SSML, instead of text; at most 5,000 bytes.")
    language: str = Field(
        default="en-US",
        pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?-[A-Z]{2}$",
        description="BCP 47 tag of language and region, such as en-US or cmn-TW.",
    )
    user_id: Name | None = Field(default=None, description="Keeps all lines of a user in the rollout, or out of it.")
    rollout_key: Name | None = Field(
        default=None,
        description="A session or scene whose lines all get the same voice model; takes precedence over user_id.",
    )
    voice: Name | None = Field(
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
        default=(), max_length=100, fail_fast=True, description="At most 100, each phrase once; only with text."
    )
    deadline: Annotated[AwareDatetime, BeforeValidator(_rfc3339)] | None = Field(
        default=None, description="After this time the audio is of no use: the job ends as expired."
    )
    take: int = Field(
        default=1,
        ge=1,
        le=1_000_000,
        strict=True,
        description="Take number, 1 and up. A new number requests a new recording of the same line.",
    )
    reply_topic: str | None = Field(
        default=None,
        pattern=TOPIC_PATTERN,
        description="Topic for a copy of the completion; one of those that the worker allows (REPLY_TOPICS).",
    )
    labels: dict[Name, Label] = Field(
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
        if ssml is not None:
            check_ssml(ssml)
        return ssml

    @field_validator("pronunciations")
    @classmethod
    def _each_phrase_once(cls, entries: tuple[Pronunciation, ...], info: ValidationInfo) -> tuple[Pronunciation, ...]:
        if entries and info.data.get("ssml") is not None:
            raise ValueError("go with text; SSML says <phoneme>")
        phrases = [entry.phrase for entry in entries]
        twice = next((phrase for phrase in phrases if phrases.count(phrase) > 1), None)
        if twice is not None:
            raise ValueError(f"the phrase {twice!a} stands twice")
        return entries

    @model_validator(mode="after")
    def _one_input(self) -> Self:
        if (self.text is None) == (self.ssml is None):
            raise ValueError("exactly one of text and ssml must be there")
        return self
