"""The pair: two takes of one line that listeners compare, of both voice models or two readings of one."""

from typing import Self

from pydantic import Field, model_validator

from schemas.enums import VoiceModel
from schemas.field_types import JOB_ID_PATTERN, CharacterKey, EventTime, Name, Plain, TakeReference, Whole
from schemas.languages import TAG_PATTERN as LANGUAGE_PATTERN
from schemas.message import Request


class PairedTake(Request):
    """A take of the pair. It may not be stored yet: listeners get the pair once both are."""

    audio: TakeReference = Field(description="Key of the take, as the completion has it.")
    voice_model: VoiceModel = Field(description="Voice model that speaks it.")
    voice: Name = Field(description="Full name of its voice.")
    take: Whole = Field(default=1, ge=1, le=1_000_000, description="Take number.")


class Pair(Request):
    """Two takes of one line. The last record with a pair_id counts; one without a value takes the pair away."""

    pair_id: str = Field(pattern=JOB_ID_PATTERN, description="Chosen by the producer, and the record's key.")
    character: CharacterKey = Field(description="Key of a character in the catalogue, such as pip_boy.")
    line: Name = Field(description="Id of the line in its script, the same for both takes.")
    language: str = Field(default="en-US", pattern=LANGUAGE_PATTERN, description="BCP 47 tag of the line.")
    text: Plain = Field(default="", max_length=50_000, description="The line, shown to the listener.")
    first: PairedTake = Field(description="Chirp's take, or that with the lower number.")
    second: PairedTake = Field(description="WaveNet's take, or that with the higher number.")
    time: EventTime = Field(description="When the pair was made, by RFC 3339.")
    source: Name = Field(description="URI reference of who made it.")

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.first.audio == self.second.audio:
            raise ValueError("second: must be another take than first")
        return self

    @property
    def compares_models(self) -> bool:
        """Whether it is a blind pair of both voice models; else it is two takes of a line for a director."""
        return self.first.voice_model is not self.second.voice_model

    @property
    def takes(self) -> frozenset[str]:
        """The keys of both takes: a line that is spoken anew is another pair."""
        return frozenset({self.first.audio, self.second.audio})
