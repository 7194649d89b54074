"""What the controller that leads reports after each round, for whoever looks."""

from pydantic import AwareDatetime, ConfigDict, Field

from schemas.job import Message


class _Lenient(Message):
    model_config = ConfigDict(extra="ignore")


class Judged(_Lenient):
    """One gate or rule over one window, of one character or of all."""

    use: str = Field(description="gate, or which roll-back's rule: at_once, step, character")
    title: str
    window: str
    verdict: str
    character: str | None = None
    value: float | None = None
    bound: float | None = None
    limit: float | None = None
    sample: int = 0
    says: str = ""
    dry_run: bool = False


class Asked(_Lenient):
    """A question of the stage, and what was answered."""

    name: str
    question: str
    approved: bool | None = Field(default=None, description="null while it is pending")
    actor: str | None = None


class RolloutStatus(_Lenient):
    """The last round of the controller that leads."""

    time: AwareDatetime
    controller: str
    revision: int
    plan: str
    stage: str
    stages: tuple[str, ...] = Field(description="the names of all")
    phase: str
    risk: str
    served_s: float
    at_least_s: float
    at_most_s: float | None = None
    every_s: float = Field(description="how often the controller reports")
    waits_for: tuple[str, ...] = Field(description="what is missing for a promotion, a sentence each")
    asked: tuple[Asked, ...] = ()
    judged: tuple[Judged, ...] = ()
    mix: tuple[str, ...] = ()
    frozen: str | None = None
    attempts: int = Field(default=0, description="counted since it began to read")
    repeated: int = 0
    late: int = 0
