"""The emulator's settings and faults, as in its files and its control API."""

import re
from typing import Annotated, Literal, Self

import grpc
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from loadtest.emulator.engines.packages import refusal

VoiceModel = Literal["chirp3-hd", "wavenet"]
QuotaKey = Literal["chirp3-hd", "wavenet", "all"]
Speech = Literal["espeak", "neural", "canned"]
FaultKind = Literal[
    "status", "hang", "slow",
    "break", "stall",
    "empty", "truncated", "garbled", "riff",
    "silent", "header", "short", "long", "quiet", "loud", "noise", "pink", "tone", "other",
    "click",
]  # fmt: skip
"""No answer or a late one, a stream that breaks off, OK with another file, OK with another sound.

The last two are in loadtest/emulator/audio_faults.py.
"""
_WITH_CODE = ("status", "break")

# Requests per minute and project, from Google's quota page.
GOOGLE_QUOTA: dict[QuotaKey, int] = {"chirp3-hd": 200, "wavenet": 1000, "all": 1000}

# OK can't be injected as a status; the other kinds of fault answer with OK.
_STATUS_NAMES = sorted(code.name for code in grpc.StatusCode if code is not grpc.StatusCode.OK)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ConstantLatency(_Frozen):
    """Every call takes the same time in seconds."""

    kind: Literal["constant"] = "constant"
    seconds: float = Field(default=0.05, ge=0, le=600)


class LognormalLatency(_Frozen):
    """Median `base_s + per_character_s * characters`, times a lognormal factor exp(sigma * normal)."""

    kind: Literal["lognormal"] = "lognormal"
    base_s: float = Field(default=0.2, ge=0, le=600)
    per_character_s: float = Field(default=0.004, ge=0, le=10)
    sigma: float = Field(default=0.3, ge=0, le=3)


Latency = Annotated[ConstantLatency | LognormalLatency, Field(discriminator="kind")]


class Streaming(_Frozen):
    """The pace of StreamingSynthesize; what its input would take as one answer makes no difference."""

    first_s: float = Field(default=0.2, ge=0, le=600)
    """Seconds from the last input to the first audio."""
    chunk_s: float = Field(default=0.2, gt=0, le=600)
    """Seconds of sound in each answer but the last."""
    speed: float = Field(default=5.0, gt=0, le=10_000)
    """Seconds of sound that are sent in a second."""


class EmulatorSettings(_Frozen):
    """How the emulator answers. Each setting can be changed while it runs."""

    speech: Speech = "espeak"
    """`neural` speaks as a person does, at half a core a second of sound, and needs requirements/neural.txt. `canned`
    answers with prepared clips of a plausible length, at nearly no CPU per call: for load tests.
    """
    latency: Latency = LognormalLatency()
    streaming: Streaming = Streaming()
    capacity: int | None = Field(default=None, ge=1)
    """How many calls are worked on at once; the others wait in line, each until its caller gives it up."""
    max_input_bytes: int = Field(default=5000, ge=1)
    max_sentence_characters: int = Field(default=320, ge=1)
    """Google documents no number; 320 was observed (googleapis/google-cloud-node#4074)."""
    removed_voices: tuple[str, ...] = ()
    """Full names of voices that Google has no more: they are not listed, and requests for them are refused."""
    quota: Literal["off", "google"] | dict[QuotaKey, Annotated[int, Field(ge=0)]] = "off"
    """Requests per window, by voice model and for `all` together; a key that is missing has no limit."""
    quota_window_s: float = Field(default=60.0, gt=0)
    seed: int = 1

    @field_validator("speech")
    @classmethod
    def _can_be_spoken(cls, speech: Speech) -> Speech:
        if speech == "neural" and (why := refusal()):
            raise ValueError(why)
        return speech

    @property
    def quota_limits(self) -> dict[QuotaKey, int]:
        """The current limits; empty if the quota is off."""
        if isinstance(self.quota, dict):
            return self.quota
        return GOOGLE_QUOTA if self.quota == "google" else {}


class Fault(_Frozen):
    """An injected fault: its kind, the calls it applies to, and for how long."""

    kind: FaultKind
    code: str | None = None
    """`status` and `break` only: the name of the gRPC status, such as UNAVAILABLE."""
    message: str = "injected fault"
    """Likewise."""
    chunks: int = Field(default=1, ge=1)
    """`break` and `stall`: how many answers of a stream come before; one call's only answer doesn't come at all."""
    seconds: float = Field(default=0.0, ge=0, le=3600)
    """`slow`: added to the call's latency. `status`: the time until the failing answer."""
    share: float = Field(default=1.0, ge=0, le=1)
    voice_model: VoiceModel | None = None
    voice: str | None = None
    """The full name of a voice."""
    text_pattern: str | None = None
    """A regular expression, searched for in the input as sent."""
    after_s: float = Field(default=0.0, ge=0)
    """Starts this long after the fault was set."""
    until_s: float | None = Field(default=None, gt=0)
    """Ends this long after the fault was set."""
    limit: int | None = Field(default=None, ge=1)
    """Applies to this many calls at most."""

    @field_validator("code")
    @classmethod
    def _is_a_status(cls, code: str | None) -> str | None:
        if code is not None and code not in _STATUS_NAMES:
            raise ValueError(f"one of {', '.join(_STATUS_NAMES)}")
        return code

    @field_validator("text_pattern")
    @classmethod
    def _is_a_pattern(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"a regular expression: {error}") from error
        return pattern

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        if (self.kind in _WITH_CODE) != (self.code is not None):
            raise ValueError("a fault of kind status or break has a code, no other kind has one")
        if self.until_s is not None and self.until_s <= self.after_s:
            raise ValueError("until_s is after after_s")
        return self
