"""The vote: a listener's blind judgement of two takes of one line."""

from typing import Any, Final, Self

from pydantic import ConfigDict, Field, model_validator

from schemas.enums import FAULTS, FeedbackReason, PairSide, VoiceModel, VoteChoice
from schemas.field_types import JOB_ID_PATTERN, CharacterKey, EventTime, Name, TakeReference
from schemas.languages import TAG_PATTERN as LANGUAGE_PATTERN
from schemas.message import Request


class VotedTake(Request):
    """A take of the pair."""

    audio: TakeReference = Field(description="Key of the take, as the completion has it.")
    voice_model: VoiceModel = Field(description="Voice model that spoke it; hidden from the listener.")
    voice: Name = Field(
        description="Full name of its voice. Votes on a character's present voices count: recast, it starts anew."
    )


class Fault(Request):
    """Which take can't be used, and why."""

    side: PairSide
    reason: FeedbackReason = Field(description=f"One of {', '.join(FAULTS)}.")

    @model_validator(mode="after")
    def _is_a_fault(self) -> Self:
        if self.reason not in FAULTS:
            raise ValueError(f"reason: one of {', '.join(FAULTS)}, not {self.reason}")
        return self


_FAULT: Final[dict[str, Any]] = {
    "if": {"properties": {"choice": {"const": VoteChoice.CANNOT_USE.value}}},
    "then": {"required": ["fault"], "properties": {"fault": {"type": "object"}}},
    "else": {"properties": {"fault": {"type": "null"}}},
}


class Vote(Request):
    """What one listener says of one pair. Of a listener's votes on a pair the first counts."""

    model_config = ConfigDict(json_schema_extra=_FAULT)

    vote_id: str = Field(pattern=JOB_ID_PATTERN, description="Chosen by the producer; the event's id.")
    character: CharacterKey = Field(description="Key of a character in the catalogue, such as pip_boy.")
    line: Name = Field(description="Id of the line in its script, the same for both takes.")
    language: str = Field(default="en-US", pattern=LANGUAGE_PATTERN, description="BCP 47 tag of the line.")
    first: VotedTake = Field(description="The take that was played first.")
    second: VotedTake = Field(description="The take that was played second.")
    choice: VoteChoice
    fault: Fault | None = Field(default=None, description="Only with cannot_use, and required there.")
    listener_id: Name = Field(description="Who listened. Opaque.")
    session: Name = Field(description="The listening session that the vote belongs to.")
    time: EventTime = Field(description="When the listener voted, by RFC 3339.")
    source: Name = Field(description="URI reference of the listening room that sends it.")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.first.audio == self.second.audio:
            raise ValueError("second: must be another take than first")
        if (self.choice is VoteChoice.CANNOT_USE) != (self.fault is not None):
            raise ValueError("fault: required with the choice cannot_use, and allowed with no other")
        return self
