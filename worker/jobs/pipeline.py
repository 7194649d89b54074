"""The pipeline, the way of one job: decide → take, with fallback → complete."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from schemas.audio_stream import AudioSource, StreamEnd
from schemas.completion import Audio, Problem
from schemas.enums import DecisionReason, FailureClass, Lane, VoiceModel
from schemas.job import Job
from worker.jobs.audio_stream import AudioStream, OpenSink
from worker.jobs.completion import describe_audio, done, failed
from worker.jobs.errors import JobFailedError, storage_failed, synthesis_failed
from worker.jobs.fallback import FallbackPolicy
from worker.jobs.outcome import Outcome
from worker.jobs.progress import Progress
from worker.jobs.shared_takes import SharedTakes
from worker.jobs.take_result import Taken
from worker.lifecycle.clock import Clock
from worker.lifecycle.interruptible_wait import InterruptibleWait
from worker.lifecycle.probed_dependency import ProbedDependency
from worker.observability.metrics import Metrics
from worker.observability.tracing.tracer import NO_TRACER, Tracer
from worker.rollout.current import CurrentRollout
from worker.rollout.decision import Decision, decide, decision_request
from worker.rollout.state import RolloutState
from worker.speech.catalogue import Catalogue, Voice
from worker.speech.failures import Failure
from worker.speech.health import OUTAGES
from worker.storage.errors import StorageError
from worker.storage.takes import StoredTake

_log = structlog.get_logger(__name__)

AudioUrl = Callable[[str], Awaitable[str | None]]
"""The address by which players read a take, by its key; None where completions carry none. Raises StorageError."""


async def no_url(_key: str) -> None:
    """For completions without addresses."""


def _new_id() -> str:
    return uuid.uuid4().hex


class Pipeline:
    """Takes a job to its outcome.

    Args:
        google: whether Google is up for WaveNet, and so for all jobs.
        bucket: where the takes are, as completions name it.
        audio_url: the address by which players read a take.
        open_sink: where the streams of jobs go.
        new_id: makes the streams' ids.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        rollout: CurrentRollout,
        takes: SharedTakes,
        google: ProbedDependency,
        bucket: str,
        clock: Clock,
        metrics: Metrics,
        audio_url: AudioUrl = no_url,
        open_sink: OpenSink,
        new_id: Callable[[], str] = _new_id,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._tracer = tracer
        self._catalogue = catalogue
        self._rollout = rollout
        self._takes = takes
        self._google = google
        self._bucket = bucket
        self._clock = clock
        self._metrics = metrics
        self._audio_url = audio_url
        self._open_sink = open_sink
        self._new_id = new_id
        self._missing_voices: set[str] = set()

    async def run(self, job: Job, lane: Lane, waited_s: float, waiting: InterruptibleWait) -> Outcome:
        """Speaks one job.

        Args:
            job: what to speak.
            lane: where it came from.
            waited_s: how long it lay in Kafka, in seconds.
            waiting: entered while a batch job waits for quota, or for another job that makes the same take.

        Returns:
            The completion, with a dead letter beside it when the job failed, and whether a later try may help.

        Raises:
            InvalidJobError: the catalogue has no such character, language or voice.
        """
        # The same line in another spelling of its language has the same take and the same bucket.
        job = self._catalogue.localized(job)
        forced = self._catalogue.admit(job)
        started = self._clock.monotonic()
        # One job sees one state: a change takes effect between two jobs.
        state = self._rollout.state
        decision = self._decide(state, job, forced)
        is_forced = decision.reason is DecisionReason.FORCED
        names_voice = is_forced and isinstance(forced, Voice)
        fallback = FallbackPolicy(enabled=state.fallback, forced=is_forced, names_voice=names_voice)
        enqueued_at = self._clock.now() - timedelta(seconds=waited_s)
        stream = self._stream(job, started)
        progress = Progress(job, lane, decision, fallback, started, enqueued_at, waited_s, waiting, stream)
        try:
            taken, voice = await self._take(progress, forced)
        except JobFailedError as reason:
            if stream is not None:
                await stream.fail(reason.problem)
            return failed(progress, reason, self._clock.monotonic())
        url = await self._url(taken.take.key)
        audio = describe_audio(taken.take, self._bucket, cached=taken.cached, url=url)
        if stream is not None:
            await self._finish_stream(stream, taken.take, audio, voice)
        return done(progress, audio, voice, self._clock.monotonic())

    async def _url(self, key: str) -> str | None:
        try:
            return await self._audio_url(key)
        except StorageError as error:
            # The take is made and stored: the completion without an address is worth more than none.
            _log.warning("audio_url_failed", key=key, error=str(error))
            return None

    def _stream(self, job: Job, started: float) -> AudioStream | None:
        if not job.stream:
            return None
        stream_id = self._new_id()

        def on_first(source: AudioSource) -> None:
            self._metrics.observe_first_audio(source, self._clock.monotonic() - started)

        def on_end(end: StreamEnd, all_taken: bool) -> None:
            self._metrics.count_stream(end, all_taken=all_taken)

        return AudioStream(job.job_id, stream_id, self._open_sink(job, stream_id), on_first=on_first, on_end=on_end)

    async def _finish_stream(self, stream: AudioStream, take: StoredTake, audio: Audio, voice: Voice) -> None:
        """Ends the stream of a job that has its take; one that was stored, or made by another job, is sent before."""
        if not stream.is_heard:
            try:
                await stream.send(await self._takes.audio(take), AudioSource.STORED)
            except StorageError as error:
                # The job is done all the same: who listens finds the take's address in the stream's end.
                await stream.fail(storage_failed(error).problem, audio, voice)
                return
        await stream.finish(audio, voice)

    def _decide(self, state: RolloutState, job: Job, forced: Voice | VoiceModel | None) -> Decision:
        request = decision_request(
            job,
            forced=forced.voice_model if isinstance(forced, Voice) else forced,
            chirp_speaks_language=self._catalogue.chirp_speaks(job.language),
        )
        with self._tracer.stage("decide"):
            decision = decide(state, request, self._clock.now())
            self._tracer.note(voice_model=decision.voice_model, outcome=decision.reason, revision=decision.revision)
        return decision

    async def _take(self, progress: Progress, forced: Voice | VoiceModel | None) -> tuple[Taken, Voice]:
        """The job's take and its voice: that of the decision, WaveNet's by fallback, or the second WaveNet voice."""
        voice = decided = self._decided_voice(progress, forced)
        while True:
            ended_before = self._google.ended_outages
            result = await self._takes.take_for(progress, voice)
            if isinstance(result, Taken):
                return result, voice
            failure_class = result.failure_class
            if progress.is_heard:
                # Another try is another stream, from the beginning.
                raise synthesis_failed(result)
            if progress.falls_back(voice.voice_model, result):
                voice = self._voice(progress.job, VoiceModel.WAVENET)
            elif result.voice_missing:
                voice = self._replacement(progress, voice, result)
            elif failure_class not in OUTAGES or await self._google.probe_after_failure(ended_before):
                raise synthesis_failed(result)
            elif failure_class is not FailureClass.DENIED:
                # Google was down for both voice models, so the one that was decided on is as good as before.
                voice = decided

    def _replacement(self, progress: Progress, voice: Voice, failure: Failure) -> Voice:
        """The character's second WaveNet voice, when Google has the first one no more.

        Raises:
            JobFailedError: the job named the voice itself, or there is no other one.
        """
        job = progress.job
        if progress.fallback.names_voice:
            raise synthesis_failed(failure, field="voice")
        second = self._catalogue.second_voice(job.character, job.language)
        if second is None or voice != self._catalogue.voice(job.character, job.language, VoiceModel.WAVENET):
            raise synthesis_failed(failure)
        if voice.name not in self._missing_voices:
            self._missing_voices.add(voice.name)
            detail = "Google has the first voice no more; `chirp-worker voices check` finds all that are missing"
            _log.warning("second_voice_speaks", missing=voice.name, second=second.name, detail=detail)
        return second

    def _decided_voice(self, progress: Progress, forced: Voice | VoiceModel | None) -> Voice:
        decided = progress.decision.voice_model
        if isinstance(forced, Voice) and forced.voice_model is decided:
            return forced
        return self._voice(progress.job, decided)

    def _voice(self, job: Job, voice_model: VoiceModel) -> Voice:
        voice = self._catalogue.voice(job.character, job.language, voice_model)
        if voice is None:
            message = f"{job.character} has no {voice_model} voice for {job.language}"
            raise JobFailedError(Problem(failure_class="invalid", code="NOT_FOUND", message=message, field="language"))
        return voice
