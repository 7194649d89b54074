"""The announcement of a rollout's transition, as receivers of the webhook format `json` get it. Pure."""

from enum import StrEnum
from typing import Literal

from pydantic import ConfigDict, Field

from schemas.enums import Phase
from schemas.message import Message
from schemas.revision import Measurement, Time


class Severity(StrEnum):
    """How urgent an announcement is; the same words as in PagerDuty and in the labels of alerts."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Incident(StrEnum):
    """What an announcement means for an incident: a person must act, a person has taken over, or it is over."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class _ForwardCompatible(Message):
    model_config = ConfigDict(extra="ignore")


class AnnouncedState(_ForwardCompatible):
    """What has happened, and what is now."""

    rollout: str = Field(description="Topic of the rollout's log. With `plan` it names the incident.")
    plan: str = Field(description="The plan's name.")
    stage: str = Field(description="Name of the stage that the plan is in now.")
    phase: Phase | None = Field(description="The plan's phase; null once it is stopped.")
    severity: Severity = Field(
        description="critical: Chirp was taken from users. warning: a character is out, or the plan waits for a person."
    )
    incident: Incident
    events: tuple[str, ...] = Field(description="What has happened, in words.")
    text: str = Field(description="The whole announcement for people; lines are separated by line breaks.")
    next_step: str = Field(default="", description="What a person can or must do next; empty if there is nothing.")
    revision: int = Field(ge=0, description="The revision of the rollout; 0 in a test.")
    actor: str = Field(description="Who made it: a person or the controller.")
    reason: str = Field(default="", description="Why, as the actor wrote it.")
    enabled: bool = Field(description="False: nobody gets Chirp by the rollout.")
    percentage: float = Field(ge=0, le=100, description="Share of users that get Chirp, in percent, if it is enabled.")
    percentage_before: float | None = Field(default=None, description="The same before; null for the first revision.")
    characters: tuple[str, ...] | None = Field(default=None, description="Characters in the rollout; null for all.")
    quarantined: tuple[str, ...] = Field(default=(), description="Characters that are out of the rollout for a time.")
    measured: tuple[Measurement, ...] = Field(default=(), description="What the controller measured.")
    replaced: int = Field(
        default=0, ge=0, description="Earlier messages that couldn't be delivered, and that this one replaces."
    )


class RolloutAnnouncement(_ForwardCompatible):
    """The body of a message: its type, its time and its data, as Standard Webhooks recommends."""

    type: Literal["rollout.transition", "rollout.test"]
    timestamp: Time = Field(description="When the revision was written, by its writer's clock.")
    data: AnnouncedState
