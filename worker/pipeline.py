"""The way of one job, readable top to bottom: decide, look up, speak, fall back, store, complete."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from tenacity import AsyncRetrying, retry_if_result, wait_exponential_jitter

from schemas.completion import Problem
from schemas.job import Job
from schemas.words import DecisionReason, FailureClass, JobStatus, Lane, VoiceModel
from worker.clock import Clock
from worker.observability.metrics import Metrics
from worker.outcome import Outcome, Pause
from worker.progress import Failed, Progress, audio_of, done, failed
from worker.rollout.current import CurrentRollout
from worker.rollout.decision import Decision, decide, request_of
from worker.rollout.state import RolloutState
from worker.settling import Watch
from worker.speech.attempt import Attempter, Spoken
from worker.speech.catalogue import Catalogue, Voice
from worker.speech.failures import Failure
from worker.speech.probing import OUTAGES
from worker.speech.render import Rendered, render
from worker.storage.errors import StorageError, StorageUnavailable
from worker.storage.steady import SteadyStore
from worker.storage.takes import StoredTake, take_key


@dataclass(frozen=True)
class PipelineParts:
    """What the pipeline works with; `prefix` is the key prefix of the takes."""

    catalogue: Catalogue
    rollout: CurrentRollout
    attempter: Attempter
    store: SteadyStore
    google: Watch
    metrics: Metrics
    clock: Clock
    prefix: str


# The SLA's back-off after an error: a second, doubling to 32.
_QUOTA_WAIT: Final = wait_exponential_jitter(initial=1, max=32)


class Pipeline:
    """Takes a job to its outcome."""

    def __init__(self, parts: PipelineParts) -> None:
        self._parts = parts

    async def run(self, job: Job, lane: Lane, waited_s: float, pause: Pause) -> Outcome:
        """Speaks one job.

        Args:
            job: what to speak.
            lane: where it came from.
            waited_s: how long it lay in Kafka, in seconds.
            pause: how a batch job that met the quota waits before it tries again.

        Returns:
            Its completion, with a dead letter beside it when it failed, and whether trying later may help.

        Raises:
            InvalidJob: the catalogue has no such character, language or voice.
        """
        forced = self._parts.catalogue.admit(job)
        # One job sees one state: a change takes effect between two jobs.
        state = self._parts.rollout.state
        progress = Progress(job, lane, self._parts.clock.monotonic(), waited_s, pause, fallback=state.fallback)
        try:
            progress.decision = decision = self._decide(state, job, forced)
            progress.forced = decision.reason is DecisionReason.FORCED
            take, voice, cached = await self._take(progress, decision, forced)
        except StorageError as error:
            return failed(progress, _storage_failed(error), self._parts.clock.monotonic())
        except Failed as reason:
            return failed(progress, reason, self._parts.clock.monotonic())
        audio = audio_of(take, self._parts.store.bucket, cached=cached)
        return done(progress, decision, audio, voice, self._parts.clock.monotonic())

    def _check_deadline(self, job: Job) -> None:
        if job.deadline is not None and self._parts.clock.now() >= job.deadline:
            message = f"the deadline {job.deadline.isoformat()} has passed"
            raise Failed(
                Problem(failure_class="expired", code="EXPIRED", message=message, field="deadline"),
                JobStatus.EXPIRED,
            )

    def _decide(self, state: RolloutState, job: Job, forced: Voice | VoiceModel | None) -> Decision:
        request = request_of(
            job,
            forced=forced.voice_model if isinstance(forced, Voice) else forced,
            chirp_speaks_language=self._parts.catalogue.chirp_speaks(job.language),
        )
        return decide(state, request, self._parts.clock.now())

    async def _take(
        self, progress: Progress, decision: Decision, forced: Voice | VoiceModel | None
    ) -> tuple[StoredTake, Voice, bool]:
        """The job's take, from the store or from Google: Chirp by decision, WaveNet by decision or fallback."""
        decided = decision.voice_model
        decided_voice = forced if isinstance(forced, Voice) and forced.voice_model is decided else None
        voice_model, forced_voice = decided, decided_voice
        while True:
            voice = forced_voice or self._voice(progress.job, voice_model)
            ended_before = self._parts.google.ended_outages
            answer = await self._with_quota(progress, voice)
            if not isinstance(answer, Failure):
                return answer
            if self._falls_back(progress, voice_model, answer):
                voice_model, forced_voice = VoiceModel.WAVENET, None
            elif answer.failure_class not in OUTAGES or await self._parts.google.settle(ended_before):
                raise Failed(_problem(answer), retryable=answer.retryable)
            elif answer.failure_class is not FailureClass.DENIED:
                # Google was down for both voice models, which says nothing against the one that was decided on.
                voice_model, forced_voice = decided, decided_voice

    def _falls_back(self, progress: Progress, voice_model: VoiceModel, failure: Failure) -> bool:
        if voice_model is VoiceModel.WAVENET or not progress.fallback:
            return False
        denied_alone = failure.failure_class is FailureClass.DENIED and progress.forced
        return not denied_alone

    def _voice(self, job: Job, voice_model: VoiceModel) -> Voice:
        voice = self._parts.catalogue.voice(job.character, job.language, voice_model)
        if voice is None:
            message = f"{job.character} has no {voice_model} voice for {job.language}"
            raise Failed(Problem(failure_class="invalid", code="NOT_FOUND", message=message, field="language"))
        return voice

    async def _with_quota(self, progress: Progress, voice: Voice) -> tuple[StoredTake, Voice, bool] | Failure:
        """As `_look_up_or_speak`; a batch job that meets the quota waits for it, whatever that takes."""
        if progress.lane is not Lane.BATCH:
            return await self._look_up_or_speak(progress, voice)
        retrying = AsyncRetrying(
            retry=retry_if_result(lambda a: isinstance(a, Failure) and _waits_for_quota(progress, a)),
            wait=_QUOTA_WAIT,
            sleep=progress.pause,
        )
        return await retrying(self._look_up_or_speak, progress, voice)

    async def _look_up_or_speak(self, progress: Progress, voice: Voice) -> tuple[StoredTake, Voice, bool] | Failure:
        parts = self._parts
        job = progress.job
        # Each time: a job may have waited for quota, or for Google to come back.
        self._check_deadline(job)
        rendered = render(job, parts.catalogue.characters[job.character], voice)
        key = take_key(parts.prefix, job.character, rendered, job.take)

        with self._timed(progress, "look_up"):
            stored = await parts.store.look_up(key, partial(self._check_deadline, job))
        parts.metrics.count_look_up(voice.voice_model, hit=stored is not None)
        if stored is not None:
            return stored, voice, True

        end = await parts.attempter.attempt(rendered)
        progress.seconds["speak"] += end.entry.seconds
        if end.failure is not None and _waits_for_quota(progress, end.failure):
            return end.failure
        progress.attempts.append(end.entry)
        parts.metrics.count_attempt(
            job.character,
            end.entry,
            audio_seconds=end.spoken.duration_s if end.spoken else 0.0,
            falls_back=end.failure is not None and self._falls_back(progress, voice.voice_model, end.failure),
        )
        if end.failure is not None or end.spoken is None:
            return end.failure or Failure(FailureClass.BAD_AUDIO, "OK", "no audio")

        made = _made_take(key, rendered, end.spoken)
        with self._timed(progress, "store"):
            kept = await parts.store.store(made, end.spoken.audio)
        # Whoever loses the race for a key reports the take that was stored; it was paid for all the same.
        return kept, voice, False

    @contextmanager
    def _timed(self, progress: Progress, stage: str) -> Iterator[None]:
        """Adds what is done to a stage's seconds, waiting for the store's return included."""
        began = self._parts.clock.monotonic()
        try:
            yield
        finally:
            progress.seconds[stage] += self._parts.clock.monotonic() - began


def _waits_for_quota(progress: Progress, failure: Failure) -> bool:
    return failure.failure_class is FailureClass.QUOTA and progress.lane is Lane.BATCH


def _made_take(key: str, rendered: Rendered, spoken: Spoken) -> StoredTake:
    return StoredTake(
        key=key,
        size=len(spoken.audio),
        sha256=hashlib.sha256(spoken.audio).hexdigest(),
        duration_s=spoken.duration_s,
        encoding=rendered.encoding,
        sample_rate=rendered.sample_rate,
        voice=rendered.voice.name,
    )


def _storage_failed(error: StorageError) -> Failed:
    retryable = isinstance(error, StorageUnavailable)
    code = "UNAVAILABLE" if retryable else "REFUSED"
    return Failed(Problem(failure_class="storage", code=code, message=str(error)), retryable=retryable)


def _problem(failure: Failure) -> Problem:
    return Problem(failure_class=failure.failure_class, code=failure.code, message=failure.message)
