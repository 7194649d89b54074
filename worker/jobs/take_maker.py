"""Takes for jobs: look-up, attempt and store in single flight, so that a take that many jobs request is made once."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Final

from schemas.audio_stream import AudioSource
from schemas.completion import Attempt
from schemas.enums import FailureClass, Lane, VoiceModel
from schemas.job import Job
from worker.jobs.cancellations import Cancellations
from worker.jobs.completion import describe_attempt
from worker.jobs.early_fallback import is_wavenet_faster, would_be_late
from worker.jobs.errors import cancelled, expired, storage_failed
from worker.jobs.progress import Progress, Stage
from worker.jobs.single_flight import SingleFlight, StillInFlightError
from worker.jobs.take_result import FailedAttempt, Taken, TakeResult, is_transient
from worker.lifecycle.clock import Clock
from worker.lifecycle.memory_budget import MemoryBudget
from worker.observability.metrics import Metrics
from worker.observability.tracing.tracer import NO_TRACER, Attribute, Tracer
from worker.speech.attempt import AttemptEnd, Attempter
from worker.speech.catalogue import Catalogue, Voice
from worker.speech.failures import NOT_CALLED, Failure
from worker.speech.latency_estimate import LatencyEstimate
from worker.speech.limits.permits import Permits
from worker.speech.render import Rendered, render
from worker.speech.streamed_audio import stream_encoding
from worker.speech.working_memory import working_bytes
from worker.storage.errors import StorageError
from worker.storage.resilient import ResilientStore
from worker.storage.takes import StoredTake, new_take, take_key

_TOO_LATE: Final = Failure(FailureClass.TIMEOUT, NOT_CALLED, "it would come after the job's deadline")
# Lines of some ten seconds: their number is bounded by MAX_IN_FLIGHT.
_SMALL_BYTES: Final = 4 * 2**20
# After a longer wait for quota somebody else may have stored the take.
_LONG_WAIT_S: Final = 1.0


@dataclass(frozen=True)
class _Line:
    """A job's line, rendered for one voice, and the key of its take."""

    rendered: Rendered
    key: str

    @property
    def voice_model(self) -> VoiceModel:
        return self.rendered.voice.voice_model


class TakeMaker:
    """Finds takes in the store, or makes them.

    Args:
        prefix: of the takes' keys in the bucket.
        cancellations: looked at before a job starts, and after each of its waits as long as Google wasn't asked for it.
        memory: long lines wait for it before they are spoken, and hold it until their take is stored.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        permits: Permits,
        attempter: Attempter,
        store: ResilientStore,
        latency: LatencyEstimate,
        metrics: Metrics,
        clock: Clock,
        prefix: str,
        memory: MemoryBudget,
        cancellations: Cancellations,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._tracer = tracer
        self._catalogue = catalogue
        self._permits = permits
        self._attempter = attempter
        self._store = store
        self._latency = latency
        self._metrics = metrics
        self._clock = clock
        self._prefix = prefix
        self._memory = memory
        self._cancellations = cancellations
        self._flights: SingleFlight[TakeResult] = SingleFlight(is_transient)

    async def make(self, progress: Progress, voice: Voice) -> Taken | Failure:
        """The job's take by a voice: from the store, from another job that makes it now, or from Google.

        Returns:
            The take, or why the voice model didn't give it.

        Raises:
            JobFailedError: the job was cancelled, the deadline has passed, or the store failed.
        """
        self._check_wanted(progress)
        line = self._line(progress.job, voice)
        # How long a whole answer takes doesn't matter to who hears the first words of it.
        is_streamed = progress.stream is not None and stream_encoding(line.rendered) is not None
        if not is_streamed and would_be_late(progress, line.rendered, self._latency, self._clock.now()):
            try:
                early = await self._answer_early(progress, line)
            except StorageError as error:
                raise storage_failed(error) from None
            if early is not None:
                return early
        return await self._make_once(progress, line)

    async def audio(self, take: StoredTake) -> bytes:
        """The audio of a stored take.

        Raises:
            StorageError: the store didn't give it.
        """
        return await self._store.fetch(take.key)

    async def _answer_early(self, progress: Progress, line: _Line) -> Taken | Failure | None:
        """The stored take of a line that would be late; or why WaveNet should speak it; or None."""
        if (stored := await self._look_up(progress, line)) is not None:
            return Taken(stored, cached=True)
        if not await self._is_wavenet_sooner(progress, line):
            return None
        self._metrics.count_early_fallback(progress.job.character)
        return _TOO_LATE

    async def _make_once(self, progress: Progress, line: _Line) -> Taken | Failure:
        """Single flight: the take is made by this job, or by another one that is at it already."""
        deadline, began = progress.job.deadline, self._clock.monotonic()
        try:
            result, is_own = await self._flights.run(
                # Keyed by lane, since a dialogue job must not wait with a batch job for quota; and by circuit policy:
                # a job that may skip an open circuit must not share the result of one that may not.
                (line.key, progress.lane, progress.fallback.may_skip(line.voice_model)),
                partial(self._find_or_make, progress, line),
                waiting=partial(self._share, progress, line.voice_model),
                patience_s=None if deadline is None else (deadline - self._clock.now()).total_seconds(),
            )
        except StillInFlightError:
            raise expired(progress.job) from None
        if not is_own:
            # A failed attempt is counted where it was made. It stands in this job's list too, by the same id, as the
            # cause of this job's fallback.
            shared = result.attempt if isinstance(result, FailedAttempt) else None
            progress.note("look_up", self._clock.monotonic() - began, shared)
            self._metrics.count_look_up(line.voice_model, hit=isinstance(result, Taken))
        if isinstance(result, StorageError):
            raise storage_failed(result)
        if isinstance(result, FailedAttempt):
            return result.failure
        return Taken(result.take, cached=result.cached or not is_own)

    @contextmanager
    def _share(self, progress: Progress, voice_model: VoiceModel) -> Iterator[None]:
        """Waits for the job that makes the same take."""
        waiting = progress.waiting() if progress.lane is Lane.BATCH else nullcontext()
        with waiting, self._tracer.stage("take of another job", voice_model=voice_model):
            yield

    async def _find_or_make(self, progress: Progress, line: _Line) -> TakeResult:
        try:
            if (stored := await self._look_up(progress, line)) is not None:
                return Taken(stored, cached=True)
            size = working_bytes(line.rendered)
            if size < _SMALL_BYTES:
                return await self._make(progress, line)
            async with self._memory_for(progress, size):
                return await self._make(progress, line)
        except StorageError as error:
            return error

    @asynccontextmanager
    async def _memory_for(self, progress: Progress, size: int) -> AsyncIterator[None]:
        """Holds the memory that a long line takes. The wait counts as one for quota: no hand-over waits for it."""
        async with AsyncExitStack() as held:
            may_be_cancelled = progress.lane is Lane.BATCH and not self._memory.has_room(size)
            with (
                progress.waiting() if may_be_cancelled else nullcontext(),
                self._timed(progress, "quota", "memory wait"),
            ):
                await held.enter_async_context(self._memory.hold(size))
            self._check_wanted(progress)
            yield

    async def _make(self, progress: Progress, line: _Line) -> TakeResult:
        with self._tracer.stage(f"attempt {line.voice_model}", voice_model=line.voice_model):
            end = await self._attempt(progress, line)
            if isinstance(end, Taken):
                self._tracer.note(outcome="taken meanwhile")
                return end
            attempt = self._count(progress, line, end)
            self._trace(end)
        if isinstance(end.outcome, Failure):
            return FailedAttempt(end.outcome, attempt)
        if not progress.is_heard:
            self._latency.observe(line.voice_model, line.rendered.spoken_units, end.entry.seconds)
        take = new_take(line.key, line.rendered, end.outcome.audio, end.outcome.duration_s)
        if progress.stream is not None:
            progress.stream.made_sha256 = take.sha256
            if not progress.is_heard:
                await progress.stream.send(end.outcome.audio, AudioSource.WHOLE)
        with self._timed(progress, "store", "store", voice_model=line.voice_model, bytes=take.size):
            stored = await self._store.store(take, end.outcome.audio)
            self._tracer.note(outcome="stored" if stored is take else "stored by another worker")
        # Where another worker stored the take first, this is that one. The job has paid for its own all the same.
        return Taken(stored, cached=False)

    async def _attempt(self, progress: Progress, line: _Line) -> AttemptEnd | Taken:
        """One attempt; or the take, when somebody stored it while the job waited for quota."""
        may_skip = progress.fallback.may_skip(line.voice_model)
        async with self._permits.acquire(
            line.voice_model,
            progress.lane,
            progress.waiting,
            may_skip=may_skip,
            revision=progress.decision.revision,
        ) as permit:
            try:
                # A look-up waits while the store is down: nothing is paid for that can't be stored.
                self._check_wanted(progress)
                if permit.waited_s > _LONG_WAIT_S or not self._store.is_up:
                    stored = await self._look_up(progress, line)
                    if stored is not None:
                        return Taken(stored, cached=True)
                hear = None if progress.stream is None else partial(progress.stream.send, source=AudioSource.STREAMED)
                end = await self._attempter.attempt(line.rendered, permit, hear)
                if permit.circuit_revision is None:
                    return end
                entry = end.entry.model_copy(update={"circuit_revision": permit.circuit_revision})
                return AttemptEnd(entry, end.outcome)
            finally:
                progress.note("quota", permit.waited_s)

    def _count(self, progress: Progress, line: _Line, end: AttemptEnd) -> Attempt:
        failure = end.outcome if isinstance(end.outcome, Failure) else None
        falls_back = failure is not None and progress.falls_back(line.voice_model, failure)
        attempt = describe_attempt(end.entry, progress.decision, falls_back=falls_back)
        progress.note("speak", end.entry.seconds, attempt)
        self._metrics.count_attempt(
            progress.job.character,
            end.entry,
            audio_seconds=0.0 if isinstance(end.outcome, Failure) else end.outcome.duration_s,
            falls_back=falls_back,
        )
        return attempt

    def _trace(self, end: AttemptEnd) -> None:
        entry = end.entry
        self._tracer.note(
            outcome=entry.failure_class or entry.result,
            code=entry.code,
            calls=entry.calls,
            billed_characters=entry.billed_characters,
        )
        if entry.failure_class is not None:
            self._tracer.fail(entry.failure_class)

    async def _look_up(self, progress: Progress, line: _Line) -> StoredTake | None:
        # Before each look-up: the job may have waited for quota, or for Google to come back.
        self._check_wanted(progress)
        with self._timed(progress, "look_up", "take look-up", voice_model=line.voice_model):
            stored = await self._store.look_up(line.key, partial(self._check_wanted, progress))
            self._tracer.note(outcome="miss" if stored is None else "hit")
        self._metrics.count_look_up(line.voice_model, hit=stored is not None)
        return stored

    async def _is_wavenet_sooner(self, progress: Progress, line: _Line) -> bool:
        """Whether WaveNet is faster than this voice model, or its take is stored."""
        if is_wavenet_faster(line.rendered, self._latency):
            return True
        job = progress.job
        voice = self._catalogue.voice(job.character, job.language, VoiceModel.WAVENET)
        if voice is None:
            return False
        key = self._line(job, voice).key
        return await self._store.look_up(key, partial(self._check_wanted, progress)) is not None

    def _line(self, job: Job, voice: Voice) -> _Line:
        rendered = render(job, self._catalogue.characters[job.character], voice)
        return _Line(rendered, take_key(self._prefix, job.character, rendered, job.take))

    def _check_wanted(self, progress: Progress) -> None:
        job = progress.job
        cancelled_at = self._cancellations.find(job.job_id, progress.enqueued_at)
        if cancelled_at is not None and not progress.has_called:
            raise cancelled(cancelled_at)
        if job.deadline is not None and self._clock.now() >= job.deadline:
            raise expired(job)

    @contextmanager
    def _timed(self, progress: Progress, stage: Stage, span: str, **attributes: Attribute) -> Iterator[None]:
        """Adds the time inside to a stage, waiting for the store's return included, and makes a span of it."""
        began = self._clock.monotonic()
        try:
            with self._tracer.stage(span, **attributes):
                yield
        finally:
            progress.note(stage, self._clock.monotonic() - began)
