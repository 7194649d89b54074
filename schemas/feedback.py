"""Feedback: a player's report or praise of a line that they heard."""

from typing import Any, Final, Self

from pydantic import ConfigDict, Field, model_validator

from schemas.enums import FAULTS, PRAISE_REASONS, FeedbackKind, FeedbackReason
from schemas.field_types import JOB_ID_PATTERN, EventTime, Name, TakeReference
from schemas.message import Request

REASONS: Final = {FeedbackKind.REPORT: FAULTS, FeedbackKind.PRAISE: PRAISE_REASONS}
"""The reasons that each kind of feedback may have."""


def _reasons_by_kind() -> dict[str, Any]:
    def reasons(kind: FeedbackKind) -> dict[str, Any]:
        return {"properties": {"reason": {"enum": [each.value for each in REASONS[kind]]}}}

    is_report = {"properties": {"kind": {"const": FeedbackKind.REPORT.value}}}
    return {"if": is_report, "then": reasons(FeedbackKind.REPORT), "else": reasons(FeedbackKind.PRAISE)}


_A_JOB: Final[dict[str, Any]] = {"required": ["job_id"], "properties": {"job_id": {"type": "string"}}}
_A_TAKE: Final[dict[str, Any]] = {"required": ["audio"], "properties": {"audio": {"type": "string"}}}


class Feedback(Request):
    """What a player says of one line. The rollout counts reports by the voice model that spoke the line."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [_A_JOB, _A_TAKE], **_reasons_by_kind()})

    feedback_id: str = Field(
        pattern=JOB_ID_PATTERN, description="Chosen by the producer; a repeat with the same id counts once."
    )
    kind: FeedbackKind
    reason: FeedbackReason = Field(
        description=f"Of a report {', '.join(FAULTS)}; of praise {', '.join(PRAISE_REASONS)}."
    )
    job_id: str | None = Field(
        default=None, pattern=JOB_ID_PATTERN, description="The job whose audio was heard; this or audio is required."
    )
    audio: TakeReference | None = Field(
        default=None,
        description="The audio that was heard: its address or key, as the completion has it. Of several jobs that got "
        "the same take, the last one counts; job_id is exact.",
    )
    user_id: Name = Field(
        description="Who says so. Opaque: the game server hashes it. A user's reports about a voice count once a day."
    )
    time: EventTime = Field(description="When the player said so, by RFC 3339.")
    source: Name = Field(description="URI reference of the game server that sends it, such as /games/quest/eu-1.")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        allowed = REASONS[self.kind]
        if self.reason not in allowed:
            raise ValueError(f"reason: with kind {self.kind} one of {', '.join(allowed)}, not {self.reason}")
        if self.job_id is None and self.audio is None:
            raise ValueError("job_id: required, or else audio: which line was heard?")
        return self
