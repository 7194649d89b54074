"""The revision: one numbered, complete state of the rollout, with its author, reason and base. Pure."""

from typing import Annotated, Final, Self

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, StringConstraints, model_validator

from schemas.enums import Phase
from schemas.field_types import CharacterKey, Name, Plain
from schemas.message import Message
from schemas.times import check_known

FULL_PERCENTAGE: Final = 10_000
"""100 %, as a whole number of hundredths of a percent."""
LARGEST: Final = 2**53 - 1
"""Of the whole numbers: JavaScript and other readers of JSON know no larger ones exactly."""

# Everything that a time of the rollout is compared with, added to or shown in must be a time too.
Time = Annotated[AwareDatetime, AfterValidator(check_known)]
Actor = Annotated[Name, StringConstraints(max_length=128)]
Reason = Annotated[Plain, StringConstraints(max_length=1000)]


class _ForwardCompatible(Message):
    # Unknown fields are ignored: a worker that skipped a newer version's record would skip every later one too, among
    # them the one that turns the rollout off. Strict: who gets Chirp is never guessed from a text or a 1.
    model_config = ConfigDict(extra="ignore", strict=True)


class Measurement(_ForwardCompatible):
    """What a gate measured, and its verdict, when the controller made the revision."""

    gate: Name = Field(description="The gate or rule: its use, title and window, such as `gate error_rate 5m`.")
    character: CharacterKey | None = Field(default=None, description="Character key; null for all characters together.")
    value: float | None = Field(default=None, description="The measured value; null without data.")
    limit: float | None = Field(default=None, description="The limit that the value is compared with; null if none.")
    sample: int | None = Field(default=None, ge=0, le=LARGEST, description="Number of attempts that were evaluated.")
    verdict: Name = Field(description="pass, hold, fail or error.")


class Approval(_ForwardCompatible):
    """A person's answer to a question of the stage."""

    name: Name = Field(description="Name of the question in the plan.")
    approved: bool = Field(description="True for yes, false for no.")
    actor: Actor = Field(description="Who answered.")
    time: Time
    reason: Reason = Field(default="", description="The person's reason; may be empty.")


class PlanRun(_ForwardCompatible):
    """The position in a running plan.

    Each revision holds it completely, with the plan's file: the controller needs nothing but this topic.
    """

    plan: Name = Field(description="The plan's name.")
    text: str = Field(description="The plan's file, YAML, as it was when the plan was started.")
    day_s: float = Field(
        default=86_400.0,
        ge=1,
        le=86_400,
        allow_inf_nan=False,
        description="Length of a day of the plan, in seconds; less in a rehearsal.",
    )
    stage: Name = Field(description="Name of the current stage.")
    phase: Phase
    since: Time = Field(description="Start of the stage. Attempts that ended earlier are not evaluated.")
    stage_revision: int = Field(
        ge=1,
        le=LARGEST,
        description="Revision that began the stage. Attempts decided by older revisions are not evaluated.",
    )
    served_s: float = Field(
        default=0.0,
        ge=0,
        le=1e9,
        allow_inf_nan=False,
        description="Seconds served in the stage before `serving_since`.",
    )
    serving_since: Time | None = Field(
        default=None, description="Since when the stage's time counts; null while it is stopped."
    )
    approvals: tuple[Approval, ...] = Field(
        default=(), description="Answers given in this stage; the last answer to a question counts."
    )


class Revision(_ForwardCompatible):
    """One record of `tts.rollout`: a complete state. It counts if its base is the current revision at its offset.

    The fields that decide who gets Chirp have no default: a missing field must not widen the rollout.
    """

    revision: int = Field(ge=1, le=LARGEST, description="base + 1.")
    base: int = Field(ge=0, le=LARGEST, description="The revision that this one changes; 0 for the first.")
    id: Name = Field(description="Unique; the writer recognizes its own record by it.")
    time: Time = Field(description="When it was written, by the writer's clock.")
    actor: Actor = Field(description="Who made it: a person or the controller.")
    reason: Reason = Field(description="Why, as the actor wrote it; may be empty.")
    before: Plain = Field(description="What it changes, in words, as it was before; for people who read the log.")
    after: Plain = Field(description="The same, as it is now.")

    enabled: bool = Field(description="False: nobody gets Chirp by the rollout.")
    percentage: int = Field(
        ge=0, le=FULL_PERCENTAGE, description="Share of sticky keys that get Chirp, in hundredths of a percent."
    )
    characters: tuple[CharacterKey, ...] | None = Field(
        description="Characters in the rollout; null for all, an empty list for none."
    )
    excluded: tuple[CharacterKey, ...] = Field(
        description="Characters out of the rollout; takes precedence over `characters`."
    )
    quarantined: dict[CharacterKey, Time] = Field(
        description="Characters that are out of the rollout until the given time."
    )
    fallback: bool = Field(description="Whether a failed Chirp attempt is followed by a request to WaveNet.")
    salt: str = Field(description="Salt of the buckets; another salt selects other users.")

    run: PlanRun | None = Field(default=None, description="The running plan; null if people set the rollout directly.")
    measured: tuple[Measurement, ...] = Field(
        default=(), description="What the controller measured when it made this revision."
    )

    @model_validator(mode="after")
    def _follows_its_base(self) -> Self:
        if self.revision != self.base + 1:
            raise ValueError(f"revision {self.revision} doesn't follow its base {self.base}")
        return self
