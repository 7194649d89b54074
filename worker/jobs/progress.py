"""What has happened to a job so far, and the outcome that is made of it. Pure."""

from dataclasses import dataclass, field

from schemas.completion import Attempt, Audio, Completion, DecisionTaken, Timings
from schemas.job import Job
from schemas.words import JobStatus, Lane
from worker.jobs.errors import JobFailedError
from worker.jobs.outcome import Outcome, Waiting
from worker.rollout.decision import Decision
from worker.speech.catalogue import Voice
from worker.storage.takes import StoredTake


@dataclass
class Progress:
    """A job on its way. `started` is the monotonic clock's; `waited` and `seconds` by stage are in seconds.

    `fallback` is whether the rollout that decided it lets WaveNet answer when Chirp fails.
    """

    job: Job
    lane: Lane
    started: float
    waited: float
    waiting: Waiting
    fallback: bool
    decision: Decision | None = None
    forced: bool = False
    attempts: list[Attempt] = field(default_factory=list)
    seconds: dict[str, float] = field(
        default_factory=lambda: {"look_up": 0.0, "quota": 0.0, "speak": 0.0, "store": 0.0}
    )

    def tried(self, attempt: Attempt, *, falls_back: bool) -> None:
        """Adds an attempt, with the decision that led to it: a retry of the job may be decided otherwise.

        Args:
            attempt: as it ended.
            falls_back: whether WaveNet is asked instead.
        """
        decision = self.decision
        decided = (
            {}
            if decision is None
            else {"decided": decision.voice_model, "reason": decision.reason, "revision": decision.revision}
        )
        self.attempts.append(attempt.model_copy(update={**decided, "falls_back": falls_back}))


def audio_of(take: StoredTake, bucket: str, *, cached: bool) -> Audio:
    """A stored take as a completion tells it; `cached` when this job paid nothing for it."""
    return Audio(
        uri=f"s3://{bucket}/{take.key}",
        bucket=bucket,
        key=take.key,
        bytes=take.size,
        duration_s=take.duration_s,
        encoding=take.encoding,
        sample_rate=take.sample_rate,
        sha256=take.sha256,
        cached=cached,
    )


def done(progress: Progress, decision: Decision, audio: Audio, voice: Voice, now: float) -> Outcome:
    """The outcome of a job that was spoken; `now` is the monotonic clock's."""
    spoken = {
        "audio": audio,
        "voice_model": voice.voice_model,
        "voice": voice.name,
        "fallback": voice.voice_model is not decision.voice_model,
    }
    return Outcome(_completion(progress, JobStatus.DONE, now).model_copy(update=spoken))


def failed(progress: Progress, reason: JobFailedError, now: float) -> Outcome:
    """The outcome of a job that ends without audio; `now` is the monotonic clock's."""
    completion = _completion(progress, reason.status, now).model_copy(update={"error": reason.problem})
    # Nobody wants an expired job any more: it is told, not kept.
    dead_letter = reason.problem if reason.status is JobStatus.FAILED else None
    return Outcome(completion, dead_letter, retryable=reason.retryable, deadline=progress.job.deadline)


def _completion(progress: Progress, status: JobStatus, now: float) -> Completion:
    job = progress.job
    decision = progress.decision
    return Completion(
        job_id=job.job_id,
        status=status,
        lane=progress.lane,
        character=job.character,
        language=job.language,
        text_characters=len(job.text if job.text is not None else job.ssml or ""),
        labels=job.labels,
        reply_topic=job.reply_topic,
        take=job.take,
        decision=decision
        and DecisionTaken(
            voice_model=decision.voice_model,
            reason=decision.reason,
            bucket=decision.bucket,
            revision=decision.revision,
            percentage=decision.percent,
        ),
        attempts=tuple(progress.attempts),
        timings=Timings(wait=progress.waited, total=now - progress.started, **progress.seconds),
    )
