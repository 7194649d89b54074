"""Builds the parts of the worker and runs them; the only place that wires."""

import asyncio
import gc
import socket
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Final

import structlog
from prometheus_client import CollectorRegistry

from schemas.words import VoiceModel
from worker.app.kafka_clients import connect_kafka
from worker.app.readiness import Readiness
from worker.app.rollout_seed import rollout_state
from worker.config.sections import CircuitSettings, DeliverySettings, QuotaSettings
from worker.config.settings import Settings
from worker.jobs.handler import Handler
from worker.jobs.pipeline import Pipeline
from worker.jobs.take_maker import TakeMaker
from worker.kafka.client.health import outage_at_start as outage_at_start_of_kafka
from worker.kafka.client.health import outage_of_kafka, watch_kafka
from worker.kafka.consumer.assignment import Partitions
from worker.kafka.consumer.bad_input import BadInputLimit
from worker.kafka.consumer.intake import Intake, IntakeSettings
from worker.kafka.consumer.lanes import Lanes
from worker.kafka.consumer.reader import Reader
from worker.kafka.consumer.stall_detector import StallDetector
from worker.kafka.delivery.outbox import Addresses, OutcomeMessages
from worker.lifecycle.clock import Clock
from worker.lifecycle.dependency import Backoff, Dependency, DependencyGate
from worker.lifecycle.probed_dependency import ProbedDependency
from worker.lifecycle.signals import ShutdownSignals
from worker.observability.http import serve_http
from worker.observability.metrics import Metrics
from worker.rollout.current import CurrentRollout
from worker.rollout.description import described
from worker.rollout.log.follower import Follower
from worker.rollout.log.reader import open_log
from worker.rollout.log.writer import Author, RevisionWriter
from worker.rollout.state import OFF
from worker.speech.attempt import Attempter
from worker.speech.catalogue import Catalogue, load_catalogue
from worker.speech.google import connect_google
from worker.speech.health import probe_of as google_probe
from worker.speech.health import trial_of
from worker.speech.latency_estimate import LatencyEstimate
from worker.speech.limits.circuit_breaker import CircuitBreaker, CircuitBreakerRules
from worker.speech.limits.permits import Permits
from worker.speech.limits.rate_limit import RateLimitRules, RateLimits
from worker.speech.limits.rate_limit_queue import RateLimitQueue
from worker.storage.client import connect_store
from worker.storage.recent_takes import RecentTakes
from worker.storage.resilient import ResilientStore, outage_at_start
from worker.storage.resilient import probe_of as store_probe

# Between two tries while a dependency is down: doubled up to this.
_LONGEST_S: Final = 5.0
# Its probe is billed.
_GOOGLE_LONGEST_S: Final = 15.0
_KAFKA_AGAIN_S: Final = 0.5
_log = structlog.get_logger(__name__)


async def run_worker(settings: Settings) -> None:
    """Runs the worker until SIGTERM or SIGINT, then drains it.

    Kafka or S3 out of reach at the start is waited for.

    Raises:
        SettingError, CatalogueError, TopicError, StorageRefusedError, GoogleAuthError: the start is refused;
            the message is one line.
        CancelledError: a signal came before it took jobs, or a second one in its drain.
        ExceptionGroup: Kafka failed for good; nothing unacknowledged is committed.
    """
    stopping = ShutdownSignals()
    catalogue = load_catalogue(settings.worker.characters_file)
    state = rollout_state(settings.rollout, catalogue.names)
    metrics = Metrics(CollectorRegistry(), catalogue.names)
    clock = Clock()
    current = CurrentRollout(state)
    metrics.set_rollout(state.revision, 0 if state.is_off else state.percent)
    worker, storage = settings.worker, settings.storage
    async with AsyncExitStack() as stack:
        google = await stack.enter_async_context(connect_google(settings.google))
        store = await stack.enter_async_context(connect_store(storage, worker.max_in_flight + 2))
        quota = _quota(settings.quota, metrics, clock)
        speaks = google_probe(trial_of(google, catalogue, quota.charge), settings.google.quick_retry_after_s)
        google_watch = ProbedDependency(
            "google", speaks, Backoff(settings.google.probe_interval_s, _GOOGLE_LONGEST_S), metrics, clock
        )
        store_watch = ProbedDependency(
            "s3", store_probe(store), Backoff(storage.probe_interval_s, _LONGEST_S), metrics, clock
        )
        kafka = Dependency("kafka", Backoff(_KAFKA_AGAIN_S, _LONGEST_S), metrics, clock)
        gate = DependencyGate(google_watch, store_watch, kafka)
        lanes = Lanes(_bad_input_limit(settings.delivery), metrics, clock)
        readiness = Readiness(gate, lanes, stopping)
        follower = _follower(settings, current, catalogue, metrics, clock)
        readiness.rollout_known = None if follower is None else follower.known
        port = await stack.enter_async_context(
            serve_http(worker.http_host, worker.http_port, metrics.registry, readiness.waits_for, lanes.resume)
        )
        await store_watch.wait_until_up(store.check_bucket, outage_at_start(store.bucket))
        takes = TakeMaker(
            catalogue=catalogue,
            permits=Permits(quota, _circuits(settings.circuit), metrics, clock),
            attempter=Attempter(google, metrics, settings.google.quick_retry_after_s, clock),
            store=ResilientStore(
                store,
                store_watch,
                RecentTakes(storage.known_takes, storage.known_takes_s),
                storage.kept_audio_mb * 2**20,
                clock,
            ),
            latency=LatencyEstimate(),
            metrics=metrics,
            clock=clock,
            prefix=storage.prefix,
        )
        pulse = StallDetector(settings.kafka.missed_after_s, clock)
        messages = OutcomeMessages(Addresses.of(settings.kafka.topic_prefix, settings.kafka.group_id), clock)
        clients = await stack.enter_async_context(connect_kafka(settings, messages, pulse, kafka))
        if follower is not None:
            # Before the group knows this worker: jobs that it can't decide yet belong to the others.
            await kafka.wait_until_up(follower.start, outage_of_kafka)
        partitions = Partitions(
            clients.consumer,
            clients.offsets,
            clients.sources,
            revoke_wait_s=settings.kafka.revoke_wait_s,
            session_timeout_s=settings.kafka.session_timeout_s,
            metrics=metrics,
        )
        partitions.share_changed = quota.set_share
        partitions.hand_over_began = quota.hold_batch
        partitions.hand_over_ended = quota.release_batch
        clients.delivery.serve(clients.consumer, partitions)
        readiness.assigned = partitions.assigned
        clients.consumer.subscribe(list(clients.sources), listener=partitions)
        await kafka.wait_until_up(clients.consumer.start, outage_at_start_of_kafka)
        intake = Intake(
            reader=Reader(clients.consumer, partitions, lanes, clock),
            partitions=partitions,
            lanes=lanes,
            delivery=clients.delivery,
            handle=Handler(
                Pipeline(
                    catalogue=catalogue,
                    rollout=current,
                    takes=takes,
                    google=google_watch,
                    bucket=store.bucket,
                    clock=clock,
                ),
                metrics,
                clock,
                worker.max_text_bytes,
                settings.delivery.retry_delays,
                reply_topics=settings.delivery.reply_topics,
            ).handle,
            gate=gate,
            pulse=pulse,
            settings=IntakeSettings(worker.max_in_flight, worker.dialogue_slots, worker.grace_s),
            metrics=metrics,
            clock=clock,
        )
        stopping.drain_with(intake.stop)
        _log.info(
            "started",
            http=f"http://{worker.http_host}:{port}",
            rollout_source=settings.rollout.source,
            rollout=described(current.state, catalogue.names, clock.now()),
            fallback=current.state.fallback,
            group=settings.kafka.group_id,
            delivery=settings.delivery.guarantee,
            topics=list(clients.sources),
        )
        tune_garbage_collector()
        async with asyncio.TaskGroup() as group:
            watching = [
                group.create_task(google_watch.run(), name="google"),
                group.create_task(store_watch.run(), name="s3"),
                group.create_task(watch_kafka(clients.consumer, intake.oldest_undelivered_s, kafka), name="kafka"),
            ]
            if follower is not None:
                watching.append(group.create_task(follower.run(), name="rollout"))
            await intake.run()
            for task in watching:
                task.cancel()
        _log.info("stopped")


def _follower(
    settings: Settings, current: CurrentRollout, catalogue: Catalogue, metrics: Metrics, clock: Clock
) -> Follower | None:
    """Who follows the rollout's topic, if the settings say so. `current` has the state that the variables say."""
    if settings.rollout.source == "env":
        return None
    kafka = settings.kafka
    seed = replace(current.state, braked=False)
    # What the variables say is no state to decide by: the topic may say another.
    current.adopt(OFF)
    follower = Follower(
        open_log=partial(open_log, kafka, clock),
        editor_of=lambda log: RevisionWriter(log, kafka, clock),
        seed=seed,
        author=Author(
            f"worker {kafka.group_instance_id or socket.gethostname()}", "first start: the CHIRP3_* variables"
        ),
        current=current,
        catalogue=catalogue.names,
        metrics=metrics,
        clock=clock,
    )
    metrics.track_rollout_age(follower.age_s)
    metrics.set_rollout(0, 0)
    return follower


def _bad_input_limit(settings: DeliverySettings) -> BadInputLimit:
    return BadInputLimit(settings.bad_input_share, settings.bad_input_window, settings.bad_input_probe_s)


def _quota(settings: QuotaSettings, metrics: Metrics, clock: Clock) -> RateLimitQueue:
    by_voice_model = {
        VoiceModel.CHIRP3_HD: settings.chirp3_per_minute,
        VoiceModel.WAVENET: settings.wavenet_per_minute,
    }
    rules = RateLimitRules(by_voice_model, settings.total_per_minute, settings.dialogue_reserve)
    return RateLimitQueue(RateLimits(rules), settings.dialogue_wait_s, metrics, clock)


def _circuits(settings: CircuitSettings) -> dict[VoiceModel, CircuitBreaker]:
    rules = CircuitBreakerRules(settings.share, settings.window_s, settings.minimum, settings.cool_down_s)
    return {VoiceModel.CHIRP3_HD: CircuitBreaker(rules)}


def tune_garbage_collector() -> None:
    """Takes what the start made out of the garbage collector's sight, and lets it look less often.

    By default it walks some 150,000 lasting objects again and again: a twentieth of a busy worker's CPU time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
