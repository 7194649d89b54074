"""The revision: one numbered state of the rollout, whole, with who made it, why, and which one it changes."""

from typing import Annotated, Final, Self

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, model_validator

from schemas.job import Message, Name, Plain
from schemas.words import Phase

FULL_PERCENTAGE: Final = 10_000
"""100 %: percentages of the rollout are whole hundredths of a percent."""

CharacterKey = Annotated[Name, StringConstraints(max_length=64)]
Actor = Annotated[Name, StringConstraints(max_length=128)]
Reason = Annotated[Plain, StringConstraints(max_length=1000)]


class _Lenient(Message):
    # A worker that passed over a newer version's record would miss every later one too, `off` among them. Strict: what
    # decides who hears what is not guessed from a text or a 1.
    model_config = ConfigDict(extra="ignore", strict=True)


class Measurement(_Lenient):
    """What a gate measured and said when the controller made the revision."""

    gate: Name
    character: CharacterKey | None = Field(default=None, description="null for all characters together")
    value: float | None = Field(default=None, description="null without data")
    limit: float | None = None
    sample: int | None = Field(default=None, description="attempts that were judged")
    verdict: Name


class Approval(_Lenient):
    """A person's answer to a question of the stage."""

    name: Name = Field(description="of the question in the plan")
    approved: bool
    actor: Actor
    time: AwareDatetime
    reason: Reason = ""


class PlanRun(_Lenient):
    """Where a plan stands. It is whole in each revision, its file too: a controller needs nothing but this topic."""

    plan: Name = Field(description="its name")
    text: str = Field(description="the plan's file, YAML, as it was when the plan was started")
    day_s: float = Field(default=86_400.0, gt=0, description="how long the plan's day lasts; less in a rehearsal")
    stage: Name
    phase: Phase
    since: AwareDatetime = Field(description="when the stage began: what ended before isn't judged")
    stage_revision: int = Field(ge=1, description="the revision that began the stage: older decisions aren't judged")
    served_s: float = Field(default=0.0, ge=0, description="seconds served in the stage before `serving_since`")
    serving_since: AwareDatetime | None = Field(default=None, description="null while its time stands still")
    approvals: tuple[Approval, ...] = Field(default=(), description="given or refused in this stage, the last counts")


class Revision(_Lenient):
    """One record of `tts.rollout`: a whole state. Counts if `base` is the current revision where it stands in the log.

    What says who hears Chirp has no default: a field that is left out must not widen the rollout.
    """

    revision: int = Field(ge=1, description="base + 1")
    base: int = Field(ge=0, description="the revision that this one changes; 0 for none")
    id: Name = Field(description="unique: by it a writer knows its own record")
    time: AwareDatetime = Field(description="by the writer's clock")
    actor: Actor = Field(description="who made it: a person, or the controller")
    reason: Reason = Field(description="why, in the actor's words; may be empty")
    before: Plain = Field(description="what it changes, in words, as it was; for people who read the log")
    after: Plain = Field(description="the same as it is now")

    enabled: bool = Field(description="false: nobody hears Chirp by the rollout")
    percentage: int = Field(ge=0, le=FULL_PERCENTAGE, description="in hundredths of a percent")
    characters: tuple[CharacterKey, ...] | None = Field(description="null for all, an empty list for none")
    excluded: tuple[CharacterKey, ...] = Field(description="out, whatever `characters` says")
    quarantined: dict[CharacterKey, AwareDatetime] = Field(description="out until the time given")
    fallback: bool = Field(description="whether WaveNet answers when Chirp fails")
    salt: str = Field(description="of the buckets; another one draws other users")

    run: PlanRun | None = Field(default=None, description="the plan that runs; null where people set the rollout")
    measured: tuple[Measurement, ...] = Field(default=(), description="the controller's evidence")

    @model_validator(mode="after")
    def _follows_its_base(self) -> Self:
        if self.revision != self.base + 1:
            raise ValueError(f"revision {self.revision} doesn't follow its base {self.base}")
        return self
