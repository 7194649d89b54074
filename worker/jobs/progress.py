"""What has happened to one job so far: its attempts, and the seconds that each stage took. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from schemas.completion import Attempt
from schemas.enums import Lane
from schemas.job import Job
from worker.jobs.fallback import FallbackPolicy
from worker.lifecycle.interruptible_wait import InterruptibleWait
from worker.rollout.decision import Decision

Stage = Literal["look_up", "quota", "speak", "store"]
"""A stage of a job, as the completion's timings name it."""


@dataclass
class Progress:
    """One job on its way through the pipeline. Only `note` changes it.

    Attributes:
        started: the monotonic clock's time at which the pipeline took the job.
        enqueued_at: when the job was put into its lane.
        waited_s: how long the job lay in Kafka before.
        waiting: entered for waits of any length; meanwhile the job may be handed back.
    """

    job: Job
    lane: Lane
    decision: Decision
    fallback: FallbackPolicy
    started: float
    enqueued_at: datetime
    waited_s: float
    waiting: InterruptibleWait
    attempts: list[Attempt] = field(default_factory=list)
    seconds: dict[Stage, float] = field(
        default_factory=lambda: {"look_up": 0.0, "quota": 0.0, "speak": 0.0, "store": 0.0}
    )

    @property
    def has_called(self) -> bool:
        """Whether Google was asked for this job: what runs isn't cancelled."""
        return any(each.calls for each in self.attempts)

    def note(self, stage: Stage, seconds: float, attempt: Attempt | None = None) -> None:
        """Adds seconds to a stage, and the attempt that was made in it, if there is one."""
        self.seconds[stage] += seconds
        if attempt is not None:
            self.attempts.append(attempt)
