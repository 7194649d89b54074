"""Builds the pipeline from its parts: Google with its limits and its health, the store with its health."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from schemas.enums import VoiceModel
from worker.app.process_parts import ProcessParts
from worker.config.sections import CircuitSettings, QuotaSettings
from worker.jobs.audio_stream import OpenSink
from worker.jobs.cancellations import Cancellations
from worker.jobs.pipeline import Pipeline
from worker.jobs.shared_takes import SharedTakes
from worker.jobs.take_maker import TakeMaker
from worker.lifecycle.clock import Clock
from worker.lifecycle.dependency import Backoff
from worker.lifecycle.memory_budget import MemoryBudget, default_budget_mb
from worker.lifecycle.probed_dependency import ProbedDependency
from worker.observability.metrics import Metrics
from worker.rollout.current import CurrentRollout
from worker.speech.attempt import Attempter
from worker.speech.google import connect_google
from worker.speech.health import google_probe, trial_call
from worker.speech.latency_estimate import LatencyEstimate
from worker.speech.limits.circuit_breaker import CircuitBreaker, CircuitBreakerRules
from worker.speech.limits.concurrency_gate import ConcurrencyGate
from worker.speech.limits.concurrency_limit import ConcurrencyLimit
from worker.speech.limits.permits import Permits
from worker.speech.limits.rate_limit import RateLimitRules, RateLimits
from worker.speech.limits.rate_limit_queue import RateLimitQueue
from worker.speech.line_parts import PARTS_AT_ONCE
from worker.storage.audio_addresses import AudioAddresses
from worker.storage.client import connect_store
from worker.storage.probes import StoreProbes
from worker.storage.recent_takes import RecentTakes
from worker.storage.resilient import ResilientStore

# The longest pauses between two probes during an outage, in seconds. A probe of Google is billed.
_GOOGLE_LONGEST_S: Final = 15.0
_STORE_LONGEST_S: Final = 5.0
# Connections beyond one per job in flight: for the probe and for one check.
_SPARE_CONNECTIONS: Final = 2


@dataclass(frozen=True)
class Speech:
    """Google behind its rate limit and circuit breaker, and its health."""

    attempter: Attempter
    quota: RateLimitQueue
    permits: Permits
    health: ProbedDependency


@dataclass(frozen=True)
class Storage:
    """The store as jobs use it, which waits for the end of an outage; its probes, its health, and takes' addresses."""

    probes: StoreProbes
    resilient: ResilientStore
    health: ProbedDependency
    addresses: AudioAddresses


async def connect_speech(parts: ProcessParts, stack: AsyncExitStack) -> Speech:
    """Connects to Google; the stack closes the connection.

    Raises:
        GoogleAuthError: there are no usable credentials.
    """
    settings, metrics, clock = parts.settings, parts.metrics, parts.clock
    google = await stack.enter_async_context(connect_google(settings.google, parts.tracer))
    quota = _rate_limit(settings.quota, metrics, clock)
    retry_after_s = settings.google.quick_retry_after_s
    most = settings.worker.max_in_flight * PARTS_AT_ONCE
    gates = {each: ConcurrencyGate(each, ConcurrencyLimit(most), metrics, clock) for each in VoiceModel}
    probe = google_probe(trial_call(google, parts.catalogue, quota.charge), retry_after_s)
    backoff = Backoff(settings.google.probe_interval_s, _GOOGLE_LONGEST_S)
    return Speech(
        attempter=Attempter(
            google,
            metrics,
            retry_after_s,
            clock,
            audio_checks=settings.audio_check,
            timeout_s=settings.google.timeout_s,
            stream_first_s=settings.google.stream_first_s,
            tracer=parts.tracer,
        ),
        quota=quota,
        permits=Permits(quota, _circuit_breakers(settings.circuit), metrics, clock, gates=gates, tracer=parts.tracer),
        health=ProbedDependency("google", probe, backoff, metrics, clock),
    )


async def connect_storage(parts: ProcessParts, stack: AsyncExitStack) -> Storage:
    """Opens the store's client; the stack closes it. The store itself needn't be up yet.

    Raises:
        StorageRefusedError: the settings are unusable.
    """
    settings, clock = parts.settings.storage, parts.clock
    connections = parts.settings.worker.max_in_flight + _SPARE_CONNECTIONS
    store = await stack.enter_async_context(connect_store(settings, connections))
    backoff = Backoff(settings.probe_interval_s, _STORE_LONGEST_S)
    probes = StoreProbes(store, settings.prefix, clock)
    health = ProbedDependency("s3", probes.look_up, backoff, parts.metrics, clock)
    resilient = ResilientStore(
        store,
        health,
        probes,
        recent=RecentTakes(settings.known_takes, settings.known_takes_s),
        kept_bytes=settings.kept_audio_mb * 2**20,
        clock=clock,
    )
    return Storage(probes, resilient, health, AudioAddresses(settings, store))


def build_pipeline(
    parts: ProcessParts,
    rollout: CurrentRollout,
    cancellations: Cancellations,
    *,
    speech: Speech,
    storage: Storage,
    open_sink: OpenSink,
) -> Pipeline:
    """The pipeline that does one job, start to finish."""
    latency = LatencyEstimate()
    maker = TakeMaker(
        permits=speech.permits,
        attempter=speech.attempter,
        store=storage.resilient,
        latency=latency,
        metrics=parts.metrics,
        clock=parts.clock,
        memory=MemoryBudget((parts.settings.worker.memory_budget_mb or default_budget_mb()) * 2**20),
        cancellations=cancellations,
        tracer=parts.tracer,
    )
    takes = SharedTakes(
        maker,
        catalogue=parts.catalogue,
        store=storage.resilient,
        latency=latency,
        metrics=parts.metrics,
        clock=parts.clock,
        prefix=parts.settings.storage.prefix,
        tracer=parts.tracer,
    )
    return Pipeline(
        catalogue=parts.catalogue,
        rollout=rollout,
        takes=takes,
        google=speech.health,
        bucket=storage.resilient.bucket,
        audio_url=storage.addresses.for_completion,
        open_sink=open_sink,
        metrics=parts.metrics,
        clock=parts.clock,
        tracer=parts.tracer,
    )


def _rate_limit(settings: QuotaSettings, metrics: Metrics, clock: Clock) -> RateLimitQueue:
    by_voice_model = {
        VoiceModel.CHIRP3_HD: settings.chirp3_per_minute,
        VoiceModel.WAVENET: settings.wavenet_per_minute,
    }
    rules = RateLimitRules(by_voice_model, settings.total_per_minute, settings.dialogue_reserve)
    return RateLimitQueue(RateLimits(rules), settings.dialogue_wait_s, metrics, clock)


def _circuit_breakers(settings: CircuitSettings) -> dict[VoiceModel, CircuitBreaker]:
    rules = CircuitBreakerRules(settings.share, settings.window_s, settings.minimum, settings.cool_down_s)
    return {VoiceModel.CHIRP3_HD: CircuitBreaker(rules)}
