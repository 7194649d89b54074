"""What has happened to one job so far: its attempts, the seconds of each stage, and what was heard of it. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from schemas.completion import Attempt
from schemas.enums import Lane, VoiceModel
from schemas.job import Job
from worker.jobs.audio_stream import AudioStream
from worker.jobs.fallback import FallbackPolicy
from worker.lifecycle.interruptible_wait import InterruptibleWait
from worker.rollout.decision import Decision
from worker.speech.failures import Failure

Stage = Literal["look_up", "quota", "speak", "store"]
"""A stage of a job, as the completion's timings name it."""


@dataclass
class Progress:
    """One job on its way through the pipeline. Only `note` changes it.

    Attributes:
        started: the monotonic clock's time at which the pipeline took the job.
        enqueued_at: when the job was put into its lane.
        waited_s: how long the job lay in Kafka before.
        stream: where the job's audio goes while it is made; None unless the job wants that.
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
    stream: AudioStream | None = None
    attempts: list[Attempt] = field(default_factory=list)
    seconds: dict[Stage, float] = field(
        default_factory=lambda: {"look_up": 0.0, "quota": 0.0, "speak": 0.0, "store": 0.0}
    )

    @property
    def has_called(self) -> bool:
        """Whether Google was asked for this job: what runs isn't cancelled."""
        return any(each.calls for each in self.attempts)

    @property
    def is_heard(self) -> bool:
        """Whether somebody heard the job's audio already: a fallback would change the voice in the middle of a line."""
        return self.stream is not None and self.stream.is_heard

    def falls_back(self, voice_model: VoiceModel, failure: Failure) -> bool:
        """Whether WaveNet speaks the line after this failure of a voice model."""
        return not self.is_heard and self.fallback.falls_back(voice_model, failure)

    def note(self, stage: Stage, seconds: float, attempt: Attempt | None = None) -> None:
        """Adds seconds to a stage, and the attempt that was made in it, if there is one."""
        self.seconds[stage] += seconds
        if attempt is not None:
            self.attempts.append(attempt)
