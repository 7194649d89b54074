"""Completion: the outcome of a job, made of what has happened to it. Pure."""

from schemas.completion import Attempt, Audio, Completion, DecisionTaken, Timings
from schemas.enums import JobStatus
from worker.jobs.errors import JobFailedError
from worker.jobs.outcome import Outcome
from worker.jobs.progress import Progress
from worker.rollout.decision import Decision
from worker.speech.catalogue import Voice
from worker.storage.takes import StoredTake


def describe_attempt(attempt: Attempt, decision: Decision, *, falls_back: bool) -> Attempt:
    """An attempt with the decision that led to it: a retry of the job may be decided otherwise.

    Args:
        attempt: as it ended.
        decision: the job's.
        falls_back: whether WaveNet speaks the line instead.
    """
    return attempt.model_copy(
        update={
            "decided": decision.voice_model,
            "reason": decision.reason,
            "revision": decision.revision,
            "falls_back": falls_back,
        }
    )


def describe_audio(take: StoredTake, bucket: str, *, cached: bool, url: str | None = None) -> Audio:
    """A stored take in the form of the completion.

    Args:
        cached: whether this job paid nothing for it.
        url: where players read it.
    """
    return Audio(
        uri=f"s3://{bucket}/{take.key}",
        bucket=bucket,
        key=take.key,
        bytes=take.size,
        duration_s=take.duration_s,
        encoding=take.encoding,
        sample_rate=take.sample_rate,
        sha256=take.sha256,
        url=url,
        cached=cached,
    )


def done(progress: Progress, audio: Audio, voice: Voice, now: float) -> Outcome:
    """The outcome of a job that has its audio; `now` is the monotonic clock's."""
    spoken = {
        "audio": audio,
        "voice_model": voice.voice_model,
        "voice": voice.name,
        "fallback": voice.voice_model is not progress.decision.voice_model,
    }
    return Outcome(_completion(progress, JobStatus.DONE, now).model_copy(update=spoken))


def failed(progress: Progress, reason: JobFailedError, now: float) -> Outcome:
    """The outcome of a job that ends without audio; `now` is the monotonic clock's."""
    completion = _completion(progress, reason.status, now).model_copy(update={"error": reason.problem})
    # Nobody wants an expired or cancelled job any more: its completion reports it, and no dead letter keeps it.
    dead_letter = reason.problem if reason.status is JobStatus.FAILED else None
    return Outcome(completion, dead_letter, retryable=reason.retryable, deadline=progress.job.deadline)


def _completion(progress: Progress, status: JobStatus, now: float) -> Completion:
    job, decision = progress.job, progress.decision
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
        decision=DecisionTaken(
            voice_model=decision.voice_model,
            reason=decision.reason,
            bucket=decision.bucket,
            revision=decision.revision,
            percentage=decision.percent,
        ),
        attempts=tuple(progress.attempts),
        timings=Timings(wait=progress.waited_s, total=now - progress.started, **progress.seconds),
    )
