"""The status that the leading rollout controller publishes after each round, for people and tools to read. Pure."""

from datetime import datetime, timedelta
from typing import Final

from pydantic import AwareDatetime, ConfigDict, Field

from schemas.message import Message

_MISSED_ROUNDS: Final = 5
_OVERDUE: Final = timedelta(seconds=30)


class _ForwardCompatible(Message):
    model_config = ConfigDict(extra="ignore")


class Judged(_ForwardCompatible):
    """The verdict of one gate or roll-back rule over one window, for one character or for all."""

    use: str = Field(description="gate, or the kind of roll-back rule: at_once, step, character.")
    title: str = Field(description="Title of the condition, such as error_rate.")
    window: str = Field(
        description="The window that was evaluated: `stage`, `last tenth`, or a rule's window such as 5m."
    )
    verdict: str = Field(description="pass, hold, fail or error.")
    character: str | None = Field(default=None, description="Character key; null for all characters together.")
    value: float | None = Field(default=None, description="The measured value: a share of 0 to 1, or seconds.")
    bound: float | None = Field(
        default=None,
        description="Confidence bound of the value, on the side that the limit is on; null if there is none.",
    )
    limit: float | None = Field(
        default=None, description="The limit that the value is compared with; null if there is none."
    )
    sample: int = Field(default=0, description="Number of attempts that were evaluated.")
    says: str = Field(default="", description="The verdict's explanation for people.")
    dry_run: bool = Field(default=False, description="True if the verdict has no consequence.")


class ArmRates(_ForwardCompatible):
    """One voice model's attempts in a window: Chirp's for the percentage's jobs, or WaveNet's for those outside it."""

    voice_model: str = Field(description="chirp3-hd or wavenet.")
    window: str = Field(description="The window, such as 5m; no longer than the stage.")
    attempts: int = Field(description="Number of attempts; WaveNet's fallbacks are none of them.")
    errors: int = Field(description="Failed attempts.")
    fallbacks: int = Field(description="Chirp's attempts after which WaveNet was tried instead.")
    p50_s: float | None = Field(
        default=None, description="Median duration in seconds, rounded up to 0.1 s (1 s above 10 s); null without any."
    )
    p95_s: float | None = Field(default=None, description="95th percentile of the durations, likewise.")


class Asked(_ForwardCompatible):
    """A question of the stage, and its answer."""

    name: str = Field(description="Name of the question in the plan.")
    question: str
    approved: bool | None = Field(default=None, description="The answer; null while it is pending.")
    actor: str | None = Field(default=None, description="Who answered.")


class WorkerSeen(_ForwardCompatible):
    """What a worker's completions of the last ten minutes say of it."""

    worker: str = Field(description="The worker's name, as its completions have it in `ce_worker`.")
    revision: int = Field(description="The newest revision by which it has decided a job.")
    time: AwareDatetime = Field(description="When its last completion was published.")
    braked: bool = Field(default=False, description="True if its hand brake decided its last job.")


class RolloutStatus(_ForwardCompatible):
    """The last round of the leading controller."""

    time: AwareDatetime = Field(description="When the round was evaluated.")
    controller: str = Field(description="Host name and process id of the controller.")
    revision: int = Field(description="Rollout revision that was evaluated.")
    plan: str = Field(description="The plan's name.")
    stage: str = Field(description="Name of the current stage.")
    stages: tuple[str, ...] = Field(description="Names of all stages, in order.")
    phase: str = Field(description="running, paused, waiting or done.")
    risk: str = Field(description="The stage's risk, as the plan has it.")
    served_s: float = Field(description="Seconds served in the stage.")
    at_least_s: float = Field(description="Seconds that the stage lasts at least.")
    at_most_s: float | None = Field(
        default=None, description="Seconds that the stage may last at most; null without a limit."
    )
    every_s: float = Field(description="Seconds between two reports of the controller.")
    waits_for: tuple[str, ...] = Field(description="What is missing for the promotion, a sentence each.")
    asked: tuple[Asked, ...] = Field(default=(), description="The stage's questions and their answers.")
    judged: tuple[Judged, ...] = Field(default=(), description="The verdicts of all gates and roll-back rules.")
    arms: tuple[ArmRates, ...] = Field(
        default=(), description="Chirp's attempts beside WaveNet's, in the plan's short and long window."
    )
    mix: tuple[str, ...] = Field(
        default=(), description="Warnings where the jobs of Chirp and WaveNet differ in kind, a sentence each."
    )
    frozen: str | None = Field(default=None, description="Why nothing is promoted at present; null if it may be.")
    workers: tuple[WorkerSeen, ...] = Field(
        default=(), description="The workers that have published completions in the last ten minutes."
    )
    attempts: int = Field(default=0, description="Attempts counted since the controller began to read.")
    repeated: int = Field(default=0, description="Attempts that were read again and not counted again.")
    late: int = Field(default=0, description="Attempts that were published too late to be counted.")
    feedback: dict[str, int] = Field(
        default_factory=dict,
        description="Players' messages read for the plan, by outcome: counted, praise, same_user, unknown, repeated, "
        "dropped. Empty if the plan counts no complaints.",
    )
    votes: dict[str, int] = Field(
        default_factory=dict,
        description="Listeners' votes by outcome: counted, repeated, others. Empty if the plan counts no votes.",
    )

    def is_overdue(self, now: datetime) -> bool:
        """Whether its controller should have reported again since: perhaps it doesn't run any more."""
        return now - self.time > max(_OVERDUE, _MISSED_ROUNDS * timedelta(seconds=self.every_s))
