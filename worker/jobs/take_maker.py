"""One take: its look-up, and if it isn't stored, one attempt with its permit, its count and its storing."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Final

from schemas.audio_stream import AudioSource
from schemas.completion import Attempt
from schemas.enums import Lane, VoiceModel
from worker.jobs.cancellations import Cancellations
from worker.jobs.completion import describe_attempt
from worker.jobs.errors import cancelled, expired
from worker.jobs.progress import Progress, Stage
from worker.jobs.take_result import FailedAttempt, Taken, TakeResult
from worker.lifecycle.clock import Clock
from worker.lifecycle.memory_budget import MemoryBudget
from worker.observability.metrics import Metrics
from worker.observability.tracing.tracer import NO_TRACER, Attribute, Tracer
from worker.speech.attempt import AttemptEnd, Attempter
from worker.speech.failures import Failure
from worker.speech.latency_estimate import LatencyEstimate
from worker.speech.limits.permits import Permits
from worker.speech.render import Rendered
from worker.speech.working_memory import working_bytes
from worker.storage.errors import StorageError
from worker.storage.resilient import ResilientStore
from worker.storage.takes import StoredTake, new_take

# Lines of some ten seconds: their number is bounded by MAX_IN_FLIGHT.
_SMALL_BYTES: Final = 4 * 2**20
# After a longer wait for quota somebody else may have stored the take.
_LONG_WAIT_S: Final = 1.0


@dataclass(frozen=True)
class RenderedLine:
    """A job's line, rendered for one voice, and the key of its take."""

    rendered: Rendered
    key: str

    @property
    def voice_model(self) -> VoiceModel:
        """The voice model that it is rendered for."""
        return self.rendered.voice.voice_model


class TakeMaker:
    """Finds one take in the store, or makes it.

    Args:
        cancellations: looked at before a job starts, and after each of its waits as long as Google wasn't asked for it.
        memory: long lines wait for it before they are spoken, and hold it until their take is stored.
    """

    def __init__(
        self,
        *,
        permits: Permits,
        attempter: Attempter,
        store: ResilientStore,
        latency: LatencyEstimate,
        metrics: Metrics,
        clock: Clock,
        memory: MemoryBudget,
        cancellations: Cancellations,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._tracer = tracer
        self._permits = permits
        self._attempter = attempter
        self._store = store
        self._latency = latency
        self._metrics = metrics
        self._clock = clock
        self._memory = memory
        self._cancellations = cancellations

    async def find_or_make(self, progress: Progress, line: RenderedLine) -> TakeResult:
        """The stored take, or one attempt at it.

        Raises:
            JobFailedError: the job was cancelled, or the deadline has passed.
        """
        try:
            if (stored := await self.look_up(progress, line)) is not None:
                return Taken(stored, cached=True)
            size = working_bytes(line.rendered)
            if size < _SMALL_BYTES:
                return await self._make(progress, line)
            async with self._memory_for(progress, size):
                return await self._make(progress, line)
        except StorageError as error:
            return error

    async def look_up(self, progress: Progress, line: RenderedLine) -> StoredTake | None:
        """The stored take of a line, or None; its time and its result are noted.

        Raises:
            JobFailedError: the job was cancelled, or the deadline has passed.
            StorageError: the store gave no answer to the look-up.
        """
        # Before each look-up: the job may have waited for quota, or for Google to come back.
        self.check_wanted(progress)
        with self._timed(progress, "look_up", "take look-up", voice_model=line.voice_model):
            stored = await self._store.look_up(line.key, partial(self.check_wanted, progress))
            self._tracer.note(outcome="miss" if stored is None else "hit")
        self._metrics.count_look_up(line.voice_model, hit=stored is not None)
        return stored

    def check_wanted(self, progress: Progress) -> None:
        """Checks that somebody still waits for a job.

        Raises:
            JobFailedError: the job was cancelled and Google wasn't asked for it, or the deadline has passed.
        """
        job = progress.job
        cancelled_at = self._cancellations.find(job.job_id, progress.enqueued_at)
        if cancelled_at is not None and not progress.has_called:
            raise cancelled(cancelled_at)
        if job.deadline is not None and self._clock.now() >= job.deadline:
            raise expired(job)

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
            self.check_wanted(progress)
            yield

    async def _make(self, progress: Progress, line: RenderedLine) -> TakeResult:
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

    async def _attempt(self, progress: Progress, line: RenderedLine) -> AttemptEnd | Taken:
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
                self.check_wanted(progress)
                if permit.waited_s > _LONG_WAIT_S or not self._store.is_up:
                    stored = await self.look_up(progress, line)
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

    def _count(self, progress: Progress, line: RenderedLine, end: AttemptEnd) -> Attempt:
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

    @contextmanager
    def _timed(self, progress: Progress, stage: Stage, span: str, **attributes: Attribute) -> Iterator[None]:
        """Adds the time inside to a stage, waiting for the store's return included, and makes a span of it."""
        began = self._clock.monotonic()
        try:
            with self._tracer.stage(span, **attributes):
                yield
        finally:
            progress.note(stage, self._clock.monotonic() - began)
