"""The one catalogue of metrics, each with a sentence that says what a high value means."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from schemas.completion import Attempt, Timings
from schemas.words import AttemptResult, FailureClass, JobStatus, Lane, VoiceModel

UNKNOWN: Final = "unknown"
"""The character label of a job whose character isn't in the catalogue: labels stay bounded."""

# The plan's limits, 2 and 5 s, are edges, so that a share over a limit is exact.
SYNTHESIS_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 5, 7.5, 10, 20, 30, 60)
STAGES: Final = ("wait", "look_up", "quota", "speak", "store", "total")
# Up to what dialogue waits at most, and on to what batch does.
QUOTA_BUCKETS: Final = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)
STAGE_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600)
CODES: Final = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "INTERNAL",
    "UNAVAILABLE",
    "UNAUTHENTICATED",
    "ALREADY_EXISTS",
    "DATA_LOSS",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
)
DEPENDENCIES: Final = ("google", "s3", "kafka")
DENIED: Final = "denied"
"""The reason of an outage in which Google answers and lets us do nothing."""

ALL_TOGETHER: Final = "all"
"""The quota of all voice models together."""


class QuotaDecision(StrEnum):
    """What a request for quota came to: granted at once, after a wait, or refused."""

    GRANTED = "granted"
    WAITED = "waited"
    REFUSED = "refused"


class Metrics:
    """All metrics of a worker, with every label's child made at the start: `rate()` misses a first increment."""

    def __init__(self, registry: CollectorRegistry, characters: Iterable[str]) -> None:
        self.registry = registry
        keys = (*sorted(characters), UNKNOWN)
        self._keys = frozenset(keys)
        self._synthesis = Counter(
            "tts_synthesis",
            "Attempts by voice model, character and status (success, error). "
            "High: much is being spoken; many errors: a voice model or its quota is ill.",
            ["voice_model", "character_key", "status"],
            registry=registry,
        )
        self._synthesis_duration = Histogram(
            "tts_synthesis_duration_seconds",
            "Seconds an attempt took, calls to Google alone. High: Google is slow for this voice model.",
            ["voice_model", "character_key"],
            buckets=SYNTHESIS_BUCKETS,
            registry=registry,
        )
        self._fallback = Counter(
            "tts_chirp3_fallback",
            "Chirp attempts that failed and for which WaveNet was asked instead. High: players hear the old voices; "
            "error_type says why.",
            ["character_key", "error_type"],
            registry=registry,
        )
        self._early_fallback = Counter(
            "tts_chirp3_early_fallback",
            "Dialogue jobs that WaveNet answers since Chirp, which wasn't asked, would have come after their deadline. "
            "High: Chirp is slow, or deadlines are short.",
            ["character_key"],
            registry=registry,
        )
        self._jobs = Counter(
            "tts_jobs",
            "Tries of jobs by lane and outcome (done, failed, expired, rejected, retried). High failed: look at the "
            "dead letters; high retried: Google or the store is ill.",
            ["lane", "outcome"],
            registry=registry,
        )
        self._job_duration = Histogram(
            "tts_job_duration_seconds",
            "Seconds a job spent by lane and stage; wait is the time before the work. High wait: too few workers.",
            ["lane", "stage"],
            buckets=STAGE_BUCKETS,
            registry=registry,
        )
        self._cache = Counter(
            "tts_cache_requests",
            "Look-ups of stored takes by voice model and result (hit, miss); a take that another job was just making "
            "is a hit. Many hits: lines repeat and cost nothing.",
            ["voice_model", "result"],
            registry=registry,
        )
        self._calls = Counter(
            "tts_google_calls",
            "Requests to Google by voice model and gRPC code. High RESOURCE_EXHAUSTED: the quota is too small.",
            ["voice_model", "code"],
            registry=registry,
        )
        self._billed = Counter(
            "tts_billed_characters",
            "Characters that Google bills, by voice model. High: this is what the month's bill is made of.",
            ["voice_model"],
            registry=registry,
        )
        self._audio_seconds = Counter(
            "tts_audio_seconds",
            "Seconds of audio made, by voice model. High: much was made, not merely asked for.",
            ["voice_model"],
            registry=registry,
        )
        self.in_flight = Gauge(
            "tts_jobs_in_flight",
            "Jobs being worked on, by lane. At MAX_IN_FLIGHT: the worker is full.",
            ["lane"],
            registry=registry,
        )
        self.lag = Gauge(
            "tts_consumer_lag",
            "Unfinished records by lane: high watermark - committed - done above it. "
            "High: jobs come faster than they go.",
            ["lane"],
            registry=registry,
        )
        self.oldest = Gauge(
            "tts_oldest_unfinished_job_age_seconds",
            "Age of the oldest job taken and not finished, by lane; 0 with none. High: something is stuck.",
            ["lane"],
            registry=registry,
        )
        self.denied = Gauge(
            "tts_google_denied",
            "1 while Google denies WaveNet and the worker takes no jobs. High: mend credentials, billing or IAM.",
            registry=registry,
        )
        self._down = Gauge(
            "tts_dependency_down",
            "1 while the worker waits for a dependency (google, s3, kafka) and takes no jobs. High: /readyz and the "
            "log say what is wrong with it.",
            ["dependency"],
            registry=registry,
        )
        self.lane_paused = Gauge(
            "tts_lane_paused",
            "1 while a lane pauses since nearly all of its records were no jobs. High: who writes them is wrong, or "
            "this worker's version is; `chirp-worker lane resume` ends it.",
            ["lane"],
            registry=registry,
        )
        self._rollout_percentage = Gauge(
            "tts_rollout_percentage",
            "The rollout's percentage, 0 to 100; 0 while it is off. High: more users hear Chirp.",
            registry=registry,
        )
        self._rollout_revision = Gauge(
            "tts_rollout_revision",
            "The rollout's revision that this worker decides by; 0 for the variables'. High: it was changed often; "
            "workers that differ for long don't all reach the topic.",
            registry=registry,
        )
        self._rollout_age = Gauge(
            "tts_rollout_state_age_seconds",
            "How long ago the rollout's state was known to be the current one; 0 for the variables'. High: the topic "
            "can't be read, and a change doesn't reach this worker.",
            registry=registry,
        )
        self._quota_limit = Gauge(
            "tts_quota_requests_per_minute",
            "Requests a minute that this worker may make, by voice model and for all together; its share of the "
            "quota, lower after a refusal by Google, +Inf without a limit. High: it has many partitions; low: "
            "few, or others use the quota.",
            ["voice_model"],
            registry=registry,
        )
        self._quota_decisions = Counter(
            "tts_quota_decisions",
            "Requests for quota by lane, voice model and decision (granted, waited, refused). High waited: batch goes "
            "as fast as the quota lets it; high refused: dialogue falls back for want of quota.",
            ["lane", "voice_model", "decision"],
            registry=registry,
        )
        self._quota_wait = Histogram(
            "tts_quota_wait_seconds",
            "Seconds that a request waited for quota, granted or not, by lane and voice model. High in batch: it is "
            "bound by the quota.",
            ["lane", "voice_model"],
            buckets=QUOTA_BUCKETS,
            registry=registry,
        )
        self._circuit = Gauge(
            "tts_circuit_state",
            "A voice model's circuit: 0 closed, 1 half-open (single jobs probe it), 2 open. High: its jobs go straight "
            "to the fallback, since most of its last attempts failed.",
            ["voice_model"],
            registry=registry,
        )
        self._quota: dict[tuple[VoiceModel, Lane, QuotaDecision], tuple[Counter, Histogram]] = {}
        self._stages: dict[Lane, list[tuple[str, Histogram]]] = {}
        self._make_children(keys)

    def _make_children(self, keys: tuple[str, ...]) -> None:
        self._make_voice_model_children(keys)
        for key in keys:
            for error_type in FailureClass:
                self._fallback.labels(key, error_type)
            self._early_fallback.labels(key)
        for lane in Lane:
            for outcome in (*JobStatus, "rejected", "retried"):
                self._jobs.labels(lane, outcome)
            # Kept: five look-ups of children a job are most of what its metrics cost.
            self._stages[lane] = [(stage, self._job_duration.labels(lane, stage)) for stage in STAGES]
            for gauge in (self.in_flight, self.lag, self.oldest, self.lane_paused):
                gauge.labels(lane)

        for dependency in DEPENDENCIES:
            self._down.labels(dependency)

    def _make_voice_model_children(self, keys: tuple[str, ...]) -> None:
        for voice_model in VoiceModel:
            for key in keys:
                for status in AttemptResult:
                    self._synthesis.labels(voice_model, key, status)
                self._synthesis_duration.labels(voice_model, key)
            for result in ("hit", "miss"):
                self._cache.labels(voice_model, result)
            for code in CODES:
                self._calls.labels(voice_model, code)
            self._billed.labels(voice_model)
            self._audio_seconds.labels(voice_model)
            for lane in Lane:
                for decision in QuotaDecision:
                    # Kept, as the stages of jobs are.
                    self._quota[voice_model, lane, decision] = (
                        self._quota_decisions.labels(lane, voice_model, decision),
                        self._quota_wait.labels(lane, voice_model),
                    )

    def count_attempt(self, character: str, attempt: Attempt, *, audio_seconds: float, falls_back: bool) -> None:
        """Counts an attempt, and the fallback that follows it, in one step: their ratio never passes 100 %.

        Args:
            character: of the job; one outside the catalogue counts as `unknown`.
            attempt: as the completion lists it.
            audio_seconds: how much was spoken; 0 for a failure.
            falls_back: whether WaveNet is asked to answer instead.
        """
        key = character if character in self._keys else UNKNOWN
        self._synthesis.labels(attempt.voice_model, key, attempt.result).inc()
        if falls_back and attempt.failure_class is not None:
            self._fallback.labels(key, attempt.failure_class).inc()
        if attempt.calls:
            self._synthesis_duration.labels(attempt.voice_model, key).observe(attempt.seconds)
        self._billed.labels(attempt.voice_model).inc(attempt.billed_characters)
        self._audio_seconds.labels(attempt.voice_model).inc(audio_seconds)

    def set_rollout(self, revision: int, percent: float) -> None:
        """Shows the state that jobs are decided by; `percent` is 0 while it is off."""
        self._rollout_revision.set(revision)
        self._rollout_percentage.set(percent)

    def track_rollout_age(self, age_s: Callable[[], float]) -> None:
        """Shows the state's age, asked for whenever the metrics are."""
        self._rollout_age.set_function(age_s)

    def set_down(self, dependency: str, reason: str | None) -> None:
        """Says that a dependency is down and for which reason, or with None that it is up."""
        self._down.labels(dependency).set(reason is not None)
        if dependency == "google":
            self.denied.set(reason == DENIED)

    def count_call(self, voice_model: VoiceModel, code: str) -> None:
        """Counts one request to Google by its gRPC status."""
        self._calls.labels(voice_model, code).inc()

    def track_quota_limit(self, name: str, per_minute: Callable[[], float]) -> None:
        """Shows the limit in force of a voice model or of all together, asked for whenever the metrics are."""
        self._quota_limit.labels(name).set_function(per_minute)

    def count_quota(self, voice_model: VoiceModel, lane: Lane, decision: QuotaDecision, waited_s: float) -> None:
        """Counts what a request for quota came to, and how long it waited."""
        decisions, wait = self._quota[voice_model, lane, decision]
        decisions.inc()
        wait.observe(waited_s)

    def set_circuit(self, voice_model: VoiceModel, state: int) -> None:
        """Shows the state of a voice model's circuit: 0 closed, 1 half-open, 2 open."""
        self._circuit.labels(voice_model).set(state)

    def count_early_fallback(self, character: str) -> None:
        """Counts a job that WaveNet answers for want of time; no attempt of Chirp's."""
        self._early_fallback.labels(character if character in self._keys else UNKNOWN).inc()

    def count_look_up(self, voice_model: VoiceModel, *, hit: bool) -> None:
        """Counts one look-up of a stored take."""
        self._cache.labels(voice_model, "hit" if hit else "miss").inc()

    def count_job(self, lane: Lane, outcome: str, timings: Timings | None) -> None:
        """Counts a finished job and its time by stage."""
        self._jobs.labels(lane, outcome).inc()
        if timings is not None:
            for stage, duration in self._stages[lane]:
                duration.observe(getattr(timings, stage))
