"""The way of one job, readable top to bottom: decide, look up, speak, fall back, store, complete."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Final

from schemas.completion import Problem
from schemas.job import Job
from schemas.words import DecisionReason, FailureClass, Lane, VoiceModel
from worker.jobs.errors import JobFailedError, expired, storage_failed, synthesis_failed
from worker.jobs.outcome import Outcome, Waiting
from worker.jobs.progress import Progress, audio_of, done, failed
from worker.jobs.single_flight import Made, SingleFlight, StillInFlightError
from worker.lifecycle.clock import Clock
from worker.lifecycle.probed_dependency import ProbedDependency
from worker.observability.metrics import Metrics
from worker.rollout.current import CurrentRollout
from worker.rollout.decision import Decision, decide, request_of
from worker.rollout.state import RolloutState
from worker.speech.attempt import AttemptEnd, Attempter
from worker.speech.catalogue import Catalogue, Voice
from worker.speech.failures import NOT_CALLED, Failure
from worker.speech.health import OUTAGES
from worker.speech.latency_estimate import LatencyEstimate
from worker.speech.limits.permits import Permits
from worker.speech.render import Rendered, render
from worker.storage.errors import StorageError
from worker.storage.resilient import ResilientStore
from worker.storage.takes import StoredTake, made_take, take_key


@dataclass(frozen=True)
class PipelineParts:
    """What the pipeline works with; `prefix` is the key prefix of the takes."""

    catalogue: Catalogue
    rollout: CurrentRollout
    permits: Permits
    attempter: Attempter
    store: ResilientStore
    google: ProbedDependency
    metrics: Metrics
    clock: Clock
    prefix: str


_TOO_LATE: Final = Failure(FailureClass.TIMEOUT, NOT_CALLED, "it would come after the job's deadline")
# After a longer wait for quota somebody else may have stored the take.
_LONG_WAIT_S: Final = 1.0


class Pipeline:
    """Takes a job to its outcome."""

    def __init__(self, parts: PipelineParts) -> None:
        self._parts = parts
        self._making = SingleFlight()
        self._pace = LatencyEstimate()

    async def run(self, job: Job, lane: Lane, waited_s: float, waiting: Waiting) -> Outcome:
        """Speaks one job.

        Args:
            job: what to speak.
            lane: where it came from.
            waited_s: how long it lay in Kafka, in seconds.
            waiting: entered while a batch job waits for quota, or for another job that makes the same take.

        Returns:
            Its completion, with a dead letter beside it when it failed, and whether trying later may help.

        Raises:
            InvalidJobError: the catalogue has no such character, language or voice.
        """
        forced = self._parts.catalogue.admit(job)
        # One job sees one state: a change takes effect between two jobs.
        state = self._parts.rollout.state
        progress = Progress(job, lane, self._parts.clock.monotonic(), waited_s, waiting, fallback=state.fallback)
        try:
            progress.decision = decision = self._decide(state, job, forced)
            progress.forced = decision.reason is DecisionReason.FORCED
            take, voice, cached = await self._take(progress, decision, forced)
        except JobFailedError as reason:
            return failed(progress, reason, self._parts.clock.monotonic())
        audio = audio_of(take, self._parts.store.bucket, cached=cached)
        return done(progress, decision, audio, voice, self._parts.clock.monotonic())

    def _check_deadline(self, job: Job) -> None:
        if job.deadline is not None and self._parts.clock.now() >= job.deadline:
            raise expired(job)

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
            answer = await self._look_up_or_speak(progress, voice)
            if not isinstance(answer, Failure):
                return answer
            if self._falls_back(progress, voice_model, answer):
                voice_model, forced_voice = VoiceModel.WAVENET, None
            elif answer.failure_class not in OUTAGES or await self._parts.google.probe_after_failure(ended_before):
                raise synthesis_failed(answer)
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
            raise JobFailedError(Problem(failure_class="invalid", code="NOT_FOUND", message=message, field="language"))
        return voice

    async def _look_up_or_speak(self, progress: Progress, voice: Voice) -> tuple[StoredTake, Voice, bool] | Failure:
        """The take, looked up or made; or, where another job is at the same take already, what comes of that."""
        parts = self._parts
        job = progress.job
        rendered = render(job, parts.catalogue.characters[job.character], voice)
        key = take_key(parts.prefix, job.character, rendered, job.take)
        if self._comes_too_late(progress, rendered):
            if (stored := await self._look_up(progress, voice.voice_model, key)) is not None:
                return stored, voice, True
            if await self._wavenet_comes_sooner(progress, rendered):
                parts.metrics.count_early_fallback(job.character)
                return _TOO_LATE
        began = parts.clock.monotonic()
        try:
            made, mine = await self._making.once(
                # A dialogue job doesn't wait with a batch job for quota, nor shares one that asks nothing of an ill
                # voice model what comes of it with one that does.
                (key, progress.lane, _may_skip(progress, voice.voice_model)),
                partial(self._make, progress, rendered, key),
                waiting=progress.waiting if progress.lane is Lane.BATCH else nullcontext,
                patience_s=None if job.deadline is None else (job.deadline - parts.clock.now()).total_seconds(),
            )
        except StillInFlightError:
            raise expired(job) from None
        if not mine:
            progress.seconds["look_up"] += parts.clock.monotonic() - began
            parts.metrics.count_look_up(voice.voice_model, hit=made.take is not None)
        if made.error is not None:
            raise storage_failed(made.error)
        if made.take is not None:
            return made.take, voice, made.cached or not mine
        if not mine and made.attempt is not None:
            # Counted where it was made; it stands here too, by the same id, as what this job's fallback is due to.
            progress.attempts.append(made.attempt)
        return made.failure or Failure(FailureClass.BAD_AUDIO, "OK", "no audio")

    def _comes_too_late(self, progress: Progress, rendered: Rendered) -> bool:
        """Whether somebody waits for the line who, with this voice model, would likely wait beyond the deadline."""
        deadline, voice_model = progress.job.deadline, rendered.voice.voice_model
        if deadline is None or progress.lane is not Lane.DIALOGUE or not _may_skip(progress, voice_model):
            return False
        expected_s = self._pace.expected_s(voice_model, rendered.spoken_units)
        return expected_s is not None and expected_s > (deadline - self._parts.clock.now()).total_seconds()

    async def _wavenet_comes_sooner(self, progress: Progress, rendered: Rendered) -> bool:
        """Whether WaveNet is faster than a voice model, or its take is stored."""
        parts, job = self._parts, progress.job
        this_s = self._pace.expected_s(rendered.voice.voice_model, rendered.spoken_units)
        wavenet_s = self._pace.expected_s(VoiceModel.WAVENET, rendered.spoken_units)
        if this_s is not None and wavenet_s is not None and wavenet_s < this_s:
            return True
        line = render(job, parts.catalogue.characters[job.character], self._voice(job, VoiceModel.WAVENET))
        key = take_key(parts.prefix, job.character, line, job.take)
        return await parts.store.look_up(key, partial(self._check_deadline, job)) is not None

    async def _make(self, progress: Progress, rendered: Rendered, key: str) -> Made:
        try:
            return await self._look_up_and_make(progress, rendered, key)
        except StorageError as error:
            # The store was asked three times: it need not be once more for each that waits.
            return Made(error=error)

    async def _look_up_and_make(self, progress: Progress, rendered: Rendered, key: str) -> Made:
        parts = self._parts
        job, voice_model = progress.job, rendered.voice.voice_model
        if (stored := await self._look_up(progress, voice_model, key)) is not None:
            return Made(stored, cached=True)
        end = await self._speak(progress, rendered, key)
        if isinstance(end, StoredTake):
            return Made(end, cached=True)
        progress.seconds["speak"] += end.entry.seconds
        falls_back = end.failure is not None and self._falls_back(progress, voice_model, end.failure)
        progress.tried(end.entry, falls_back=falls_back)
        parts.metrics.count_attempt(
            job.character,
            end.entry,
            audio_seconds=end.spoken.duration_s if end.spoken else 0.0,
            falls_back=falls_back,
        )
        if end.failure is not None or end.spoken is None:
            return Made(failure=end.failure, attempt=progress.attempts[-1])

        self._pace.noted(voice_model, rendered.spoken_units, end.entry.seconds)
        take = made_take(key, rendered, end.spoken.audio, end.spoken.duration_s)
        with self._timed(progress, "store"):
            kept = await parts.store.store(take, end.spoken.audio)
        # Whoever loses the race for a key reports the take that was stored; it was paid for all the same.
        return Made(kept)

    async def _look_up(self, progress: Progress, voice_model: VoiceModel, key: str) -> StoredTake | None:
        # Each time: a job may have waited for quota, or for Google to come back.
        self._check_deadline(progress.job)
        with self._timed(progress, "look_up"):
            stored = await self._parts.store.look_up(key, partial(self._check_deadline, progress.job))
        self._parts.metrics.count_look_up(voice_model, hit=stored is not None)
        return stored

    async def _speak(self, progress: Progress, rendered: Rendered, key: str) -> AttemptEnd | StoredTake:
        """One attempt, or the take that somebody stored while the job waited for quota."""
        voice_model = rendered.voice.voice_model
        permitting = self._parts.permits.ask(
            voice_model, progress.lane, progress.waiting, may_skip=_may_skip(progress, voice_model)
        )
        async with permitting as permit:
            try:
                if permit.waited_s > _LONG_WAIT_S:
                    stored = await self._look_up(progress, voice_model, key)
                    if stored is not None:
                        return stored
                return await self._parts.attempter.attempt(rendered, permit)
            finally:
                progress.seconds["quota"] += permit.waited_s

    @contextmanager
    def _timed(self, progress: Progress, stage: str) -> Iterator[None]:
        """Adds what is done to a stage's seconds, waiting for the store's return included."""
        began = self._parts.clock.monotonic()
        try:
            yield
        finally:
            progress.seconds[stage] += self._parts.clock.monotonic() - began


def _may_skip(progress: Progress, voice_model: VoiceModel) -> bool:
    """Whether the job goes straight to the fallback when a voice model's circuit is open.

    With fallback off, or a voice that the job asks for, there is nothing better than to ask an ill voice model.
    """
    return progress.fallback and not progress.forced and voice_model is not VoiceModel.WAVENET
