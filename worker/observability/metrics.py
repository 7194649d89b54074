"""The worker's metrics: one method for each event that is counted and each state that is exported."""

from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from schemas.audio_stream import AudioSource, StreamEnd, StreamEndStatus
from schemas.completion import Attempt, Timings
from schemas.enums import AudioFault, Lane, VoiceModel
from worker.observability import metric_catalogue as catalogue
from worker.observability.metric_definition import UNKNOWN
from worker.observability.metric_labels import STAGES, QuotaDecision, StreamOutcome
from worker.observability.tracing.tracer import NO_TRACER

DENIED: Final = "denied"
"""The reason of an outage in which Google answers and denies every request."""


class Metrics:
    """All metrics of a worker, registered by topic as they stand in the catalogue.

    Args:
        exemplar: returns the trace that a measurement belongs to, for the histograms; None outside of a trace.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        characters: Iterable[str],
        *,
        exemplar: Callable[[], dict[str, str] | None] = NO_TRACER.exemplar,
    ) -> None:
        self.registry = registry
        self._exemplar = exemplar
        self._characters = frozenset(characters)
        self._register_synthesis()
        self._register_jobs()
        self._register_consumer()
        self._register_limits()
        self._register_dependencies()
        self._register_rollout()
        self._register_cancellations()

    def _register_synthesis(self) -> None:
        args = (self.registry, self._characters)
        self._synthesis = catalogue.SYNTHESIS.register(*args)
        self._synthesis_duration = catalogue.SYNTHESIS_DURATION.register(*args)
        self._fallback = catalogue.FALLBACK.register(*args)
        self._early_fallback = catalogue.EARLY_FALLBACK.register(*args)
        self._google_calls = catalogue.GOOGLE_CALLS.register(*args)
        self._billed_characters = catalogue.BILLED_CHARACTERS.register(*args)
        self._audio_seconds = catalogue.AUDIO_SECONDS.register(*args)
        self._audio_faults = catalogue.AUDIO_FAULTS.register(*args)
        self._first_audio = catalogue.FIRST_AUDIO.register(*args)
        self._streams = catalogue.STREAMS.register(*args)

    def _register_jobs(self) -> None:
        args = (self.registry, self._characters)
        self._jobs = catalogue.JOBS.register(*args)
        self._dead_letters = catalogue.DEAD_LETTERS.register(*args)
        duration = catalogue.JOB_DURATION.register(*args)
        # Kept: looking up five children per job is most of what its metrics cost.
        self._stages: dict[Lane, list[tuple[str, Histogram]]] = {
            lane: [(stage, duration.labels(lane, stage)) for stage in STAGES] for lane in Lane
        }
        self.in_flight = catalogue.JOBS_IN_FLIGHT.register(*args)
        self._cache_requests = catalogue.CACHE_REQUESTS.register(*args)

    def _register_consumer(self) -> None:
        args = (self.registry, self._characters)
        self.lag = catalogue.CONSUMER_LAG.register(*args)
        self._records_lost = catalogue.RECORDS_LOST.register(*args)
        self.oldest = catalogue.OLDEST_UNFINISHED.register(*args)
        self._oldest_unstarted = catalogue.OLDEST_UNSTARTED.register(*args)
        self.lane_paused = catalogue.LANE_PAUSED.register(*args)

    def _register_limits(self) -> None:
        args = (self.registry, self._characters)
        self._quota_limit = catalogue.QUOTA_LIMIT.register(*args)
        decisions, wait = catalogue.QUOTA_DECISIONS.register(*args), catalogue.QUOTA_WAIT.register(*args)
        # Kept, as the stages of jobs are.
        self._quota: dict[tuple[VoiceModel, Lane, QuotaDecision], tuple[Counter, Histogram]] = {
            (voice_model, lane, decision): (
                decisions.labels(lane, voice_model, decision),
                wait.labels(lane, voice_model),
            )
            for voice_model in VoiceModel
            for lane in Lane
            for decision in QuotaDecision
        }
        self._concurrency_limit = catalogue.CONCURRENCY_LIMIT.register(*args)
        self._circuit_state = catalogue.CIRCUIT_STATE.register(*args)

    def _register_dependencies(self) -> None:
        args = (self.registry, self._characters)
        self._denied = catalogue.GOOGLE_DENIED.register(*args)
        self._down = catalogue.DEPENDENCY_DOWN.register(*args)
        self._certificate_end = catalogue.CERTIFICATE_END.register(*args)
        self._certificate_lifetime = catalogue.CERTIFICATE_LIFETIME.register(*args)

    def _register_rollout(self) -> None:
        args = (self.registry, self._characters)
        self._rollout_percentage = catalogue.ROLLOUT_PERCENTAGE.register(*args)
        self._rollout_revision = catalogue.ROLLOUT_REVISION.register(*args)
        self._rollout_age = catalogue.ROLLOUT_AGE.register(*args)

    def _register_cancellations(self) -> None:
        args = (self.registry, self._characters)
        self._cancellations = catalogue.CANCELLATIONS.register(*args)
        self._cancellations_age = catalogue.CANCELLATIONS_AGE.register(*args)

    def count_attempt(self, character: str, attempt: Attempt, *, audio_seconds: float, falls_back: bool) -> None:
        """Counts an attempt and the fallback that follows it in one step: the fallback rate never passes 100 %.

        Args:
            character: the job's; one outside the catalogue counts as `unknown`.
            attempt: as the completion lists it; without a call it has no duration.
            audio_seconds: length of the audio; 0 for a failure.
            falls_back: whether a request to WaveNet follows.
        """
        key = self._character_label(character)
        self._synthesis.labels(attempt.voice_model, key, attempt.result).inc()
        if falls_back and attempt.failure_class is not None:
            self._fallback.labels(key, attempt.failure_class).inc()
        if attempt.calls:
            self._synthesis_duration.labels(attempt.voice_model, key).observe(attempt.seconds, self._exemplar())
        self._billed_characters.labels(attempt.voice_model).inc(attempt.billed_characters)
        self._audio_seconds.labels(attempt.voice_model).inc(audio_seconds)

    def count_early_fallback(self, character: str) -> None:
        """Counts a job that goes to WaveNet because Chirp would miss its deadline; no Chirp attempt is counted."""
        self._early_fallback.labels(self._character_label(character)).inc()

    def count_call(self, voice_model: VoiceModel, code: str) -> None:
        """Counts one request to Google by its gRPC status code."""
        self._google_calls.labels(voice_model, code).inc()

    def count_audio_fault(self, voice_model: VoiceModel, fault: AudioFault, action: str) -> None:
        """Counts audio that failed a check; the action is `reject` or `warn`."""
        self._audio_faults.labels(voice_model, fault, action).inc()

    def observe_first_audio(self, source: AudioSource, seconds: float) -> None:
        """Counts a stream's first chunk, so many seconds after the start of the work on its job."""
        self._first_audio.labels(source).observe(seconds, self._exemplar())

    def count_stream(self, end: StreamEnd, *, all_taken: bool) -> None:
        """Counts a stream that has ended, and whether Kafka has taken all of it."""
        outcome = StreamOutcome.DONE
        if not all_taken:
            outcome = StreamOutcome.LOST
        elif end.status is StreamEndStatus.FAILED:
            outcome = StreamOutcome.BROKEN if end.chunks else StreamOutcome.FAILED
        self._streams.labels(outcome).inc()

    def count_look_up(self, voice_model: VoiceModel, *, hit: bool) -> None:
        """Counts one look-up of a stored take."""
        self._cache_requests.labels(voice_model, "hit" if hit else "miss").inc()

    def count_job(self, lane: Lane, outcome: str, timings: Timings | None) -> None:
        """Counts one try of a job by its outcome, and its seconds by stage."""
        self._jobs.labels(lane, outcome).inc()
        if timings is not None:
            exemplar = self._exemplar()
            for stage, duration in self._stages[lane]:
                duration.observe(getattr(timings, stage), exemplar)

    def count_dead_letter(self, lane: Lane, reason: str) -> None:
        """Counts a dead letter; the reason is the class of its problem."""
        self._dead_letters.labels(lane, reason).inc()

    def count_lost(self, lane: Lane, records: int) -> None:
        """Counts records that Kafka deleted before this worker took them."""
        self._records_lost.labels(lane).inc(records)

    def count_quota(self, voice_model: VoiceModel, lane: Lane, decision: QuotaDecision, waited_s: float) -> None:
        """Counts the decision on a request for quota, and how long the request waited."""
        decisions, wait = self._quota[voice_model, lane, decision]
        decisions.inc()
        wait.observe(waited_s, self._exemplar())

    def track_quota_limit(self, name: str, per_minute: Callable[[], float]) -> None:
        """Exports the rate limit of a voice model, or of all together; the callback runs at each scrape."""
        self._quota_limit.labels(name).set_function(per_minute)

    def track_oldest_unstarted(self, lane: Lane, age_s: Callable[[], float]) -> None:
        """Exports the age of a lane's oldest unstarted job; the callback runs at each scrape."""
        self._oldest_unstarted.labels(lane).set_function(age_s)

    def set_concurrency_limit(self, voice_model: VoiceModel, limit: int) -> None:
        """Exports how many requests of a voice model may be under way at once."""
        self._concurrency_limit.labels(voice_model).set(limit)

    def set_circuit(self, voice_model: VoiceModel, state: int) -> None:
        """Exports the state of a voice model's circuit breaker: 0 closed, 1 half-open, 2 open."""
        self._circuit_state.labels(voice_model).set(state)

    def set_down(self, dependency: str, reason: str | None) -> None:
        """Exports the outage of a dependency and its reason; None while the dependency is up."""
        self._down.labels(dependency).set(reason is not None)
        if dependency == "google":
            self._denied.set(reason == DENIED)

    def track_certificate(self, file: str, ends_at: Callable[[], float], lifetime_s: Callable[[], float]) -> None:
        """Exports the end of a file's certificate, and its whole lifetime; the callbacks run at each scrape."""
        self._certificate_end.labels(file).set_function(ends_at)
        self._certificate_lifetime.labels(file).set_function(lifetime_s)

    def set_rollout(self, revision: int, percent: float) -> None:
        """Exports the state that this worker decides by; `percent` is 0 while the rollout is off."""
        self._rollout_revision.set(revision)
        self._rollout_percentage.set(percent)

    def track_rollout_age(self, age_s: Callable[[], float]) -> None:
        """Exports the age of the rollout state; the callback runs at each scrape."""
        self._rollout_age.set_function(age_s)

    def count_cancellation(self, *, noted: bool) -> None:
        """Counts a record of the topic of cancellations; one that isn't noted can't be read."""
        self._cancellations.labels("noted" if noted else "unreadable").inc()

    def track_cancellations_age(self, age_s: Callable[[], float]) -> None:
        """Exports how old the knowledge of cancellations is; the callback runs at each scrape."""
        self._cancellations_age.set_function(age_s)

    def _character_label(self, character: str) -> str:
        return character if character in self._characters else UNKNOWN
