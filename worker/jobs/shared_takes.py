"""Takes for jobs: a take that many jobs request at the same time is made once, and a line that would be late isn't."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Final

from schemas.enums import FailureClass, Lane, VoiceModel
from schemas.job import Job
from worker.jobs.early_fallback import is_wavenet_faster, would_be_late
from worker.jobs.errors import expired, storage_failed
from worker.jobs.progress import Progress
from worker.jobs.single_flight import SingleFlight, StillInFlightError
from worker.jobs.take_maker import RenderedLine, TakeMaker
from worker.jobs.take_result import FailedAttempt, Taken, TakeResult, is_transient
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics
from worker.observability.tracing.tracer import NO_TRACER, Tracer
from worker.speech.catalogue import Catalogue, Voice
from worker.speech.failures import NOT_CALLED, Failure
from worker.speech.latency_estimate import LatencyEstimate
from worker.speech.render import render
from worker.speech.streamed_audio import stream_encoding
from worker.storage.errors import StorageError
from worker.storage.resilient import ResilientStore
from worker.storage.takes import StoredTake, take_key

_TOO_LATE: Final = Failure(FailureClass.TIMEOUT, NOT_CALLED, "it would come after the job's deadline")


class SharedTakes:
    """Gives jobs their takes: stored ones, those that another job makes now, and new ones.

    Args:
        maker: finds or makes one take.
        prefix: of the takes' keys in the bucket.
    """

    def __init__(
        self,
        maker: TakeMaker,
        *,
        catalogue: Catalogue,
        store: ResilientStore,
        latency: LatencyEstimate,
        metrics: Metrics,
        clock: Clock,
        prefix: str,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._maker = maker
        self._catalogue = catalogue
        self._store = store
        self._latency = latency
        self._metrics = metrics
        self._clock = clock
        self._prefix = prefix
        self._tracer = tracer
        self._flights: SingleFlight[TakeResult] = SingleFlight(is_transient)

    async def take_for(self, progress: Progress, voice: Voice) -> Taken | Failure:
        """The job's take by a voice: from the store, from another job that makes it now, or from Google.

        Returns:
            The take, or why the voice model didn't give it.

        Raises:
            JobFailedError: the job was cancelled, the deadline has passed, or the store failed.
        """
        self._maker.check_wanted(progress)
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

    async def _answer_early(self, progress: Progress, line: RenderedLine) -> Taken | Failure | None:
        """The stored take of a line that would be late; or why WaveNet should speak it; or None."""
        if (stored := await self._maker.look_up(progress, line)) is not None:
            return Taken(stored, cached=True)
        if not await self._is_wavenet_sooner(progress, line):
            return None
        self._metrics.count_early_fallback(progress.job.character)
        return _TOO_LATE

    async def _make_once(self, progress: Progress, line: RenderedLine) -> Taken | Failure:
        """Single flight: the take is made by this job, or by another one that is at it already."""
        deadline, began = progress.job.deadline, self._clock.monotonic()
        try:
            result, is_own = await self._flights.run(
                # Keyed by lane, since a dialogue job must not wait with a batch job for quota; and by circuit policy:
                # a job that may skip an open circuit must not share the result of one that may not.
                (line.key, progress.lane, progress.fallback.may_skip(line.voice_model)),
                partial(self._maker.find_or_make, progress, line),
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

    async def _is_wavenet_sooner(self, progress: Progress, line: RenderedLine) -> bool:
        """Whether WaveNet is faster than this voice model, or its take is stored."""
        if is_wavenet_faster(line.rendered, self._latency):
            return True
        job = progress.job
        voice = self._catalogue.voice(job.character, job.language, VoiceModel.WAVENET)
        if voice is None:
            return False
        key = self._line(job, voice).key
        return await self._store.look_up(key, partial(self._maker.check_wanted, progress)) is not None

    def _line(self, job: Job, voice: Voice) -> RenderedLine:
        rendered = render(job, self._catalogue.characters[job.character], voice)
        return RenderedLine(rendered, take_key(self._prefix, job.character, rendered, job.take))
