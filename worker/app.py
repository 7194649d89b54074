"""Builds the parts of the worker and runs them; the only place that wires."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from prometheus_client import CollectorRegistry

from schemas.topics import LANE_RECORD_BYTES, LANES, prefixed
from worker.clock import Clock
from worker.handling import Handler
from worker.kafka.intake import Intake, IntakeSettings
from worker.kafka.outbox import Addresses, Outbox
from worker.kafka.partitions import Partitions
from worker.kafka.topics import require_topics
from worker.observability.http import serve_http
from worker.observability.metrics import Metrics
from worker.pipeline import Pipeline, PipelineParts
from worker.rollout.environment import rollout_state
from worker.settings import KafkaSettings, Settings
from worker.speech.attempt import Attempter
from worker.speech.catalogue import BUILT_IN, Catalogue, load_catalogue
from worker.speech.google import connect_google
from worker.speech.permission import Permission
from worker.speech.probing import probe_of
from worker.stopping import Stopping, stop_in_time
from worker.storage.s3 import connect_store

_log = structlog.get_logger(__name__)


def catalogue_of(settings: Settings) -> Catalogue:
    """The catalogue that the settings name.

    Raises:
        CatalogueError: its file can't be used.
    """
    return load_catalogue(settings.worker.characters_file or BUILT_IN)


@asynccontextmanager
async def connect_producer(settings: KafkaSettings) -> AsyncIterator[Any]:
    """A started producer; its records may be as large as a dead letter."""
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap_servers,
        enable_idempotence=settings.idempotence,
        acks="all",
        max_request_size=2 * LANE_RECORD_BYTES + 2**20,
    )
    try:
        await producer.start()
        yield producer
    finally:
        await stop_in_time("producer", producer.stop)


def consumer_of(settings: KafkaSettings) -> Any:
    """A consumer of the lanes, not started and not subscribed."""
    return AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers,
        group_id=settings.group_id,
        group_instance_id=settings.group_instance_id,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        session_timeout_ms=int(settings.session_timeout_s * 1000),
        rebalance_timeout_ms=int((settings.session_timeout_s + settings.revoke_wait_s) * 1000),
        heartbeat_interval_ms=int(settings.session_timeout_s * 1000 / 10),
    )


async def run_worker(settings: Settings) -> None:
    """Runs the worker until SIGTERM or SIGINT, then drains it.

    Raises:
        SettingError, CatalogueError, PortTaken, TopicError: the start is refused; the message is one line.
        CancelledError: a signal came before it took jobs, or a second one in its drain.
        KafkaConnectionError, GoogleAuthError, StorageUnavailable: a dependency can't be reached at the start.
        ExceptionGroup: Kafka failed for good; nothing unacknowledged is committed.
    """
    stopping = Stopping()
    catalogue = catalogue_of(settings)
    state = rollout_state(settings.rollout, catalogue.names)
    metrics = Metrics(CollectorRegistry(), catalogue.names)
    metrics.rollout_percentage.set(state.percent if state.enabled else 0)
    clock = Clock()
    worker = settings.worker
    topics = {prefixed(name, settings.kafka.topic_prefix): lane for lane, name in LANES.items()}
    async with AsyncExitStack() as stack:
        google = await stack.enter_async_context(connect_google(settings.google))
        permission = Permission(probe_of(google, catalogue), metrics, settings.google.probe_interval_s)
        store = await stack.enter_async_context(connect_store(settings.storage, worker.max_in_flight + 2))
        await store.check_bucket()
        await require_topics(settings.kafka.bootstrap_servers, settings.kafka.topic_prefix)
        parts = PipelineParts(
            catalogue=catalogue,
            rollout=state,
            attempter=Attempter(google, metrics, settings.google.quick_retry_after_s, clock),
            store=store,
            permission=permission,
            metrics=metrics,
            clock=clock,
            prefix=settings.storage.prefix,
        )
        producer = await stack.enter_async_context(connect_producer(settings.kafka))
        consumer = consumer_of(settings.kafka)
        stack.push_async_callback(stop_in_time, "consumer", consumer.stop)
        partitions = Partitions(consumer, topics, settings.kafka.revoke_wait_s, metrics)
        consumer.subscribe(list(topics), listener=partitions)

        def waits_for() -> list[str]:
            reasons = {
                "Kafka: the group's assignment": not partitions.assigned.is_set(),
                "Google: WaveNet is denied; probing": not permission.is_allowed,
                "nothing: it is stopping": stopping.is_asked,
            }
            return [reason for reason, holds in reasons.items() if holds]

        port = await stack.enter_async_context(
            serve_http(worker.http_host, worker.http_port, metrics.registry, waits_for)
        )
        await consumer.start()
        intake = Intake(
            consumer=consumer,
            partitions=partitions,
            outbox=Outbox(producer, Addresses.of(settings.kafka.topic_prefix, settings.kafka.group_id), clock),
            handle=Handler(Pipeline(parts), metrics, clock, worker.max_text_bytes).handle,
            gate=permission,
            settings=IntakeSettings(worker.max_in_flight, settings.kafka.commit_interval_s, worker.grace_s),
            metrics=metrics,
            clock=clock,
        )
        stopping.drain = intake.stop
        _log.info(
            "started",
            http=f"http://{worker.http_host}:{port}",
            rollout=state.describe(catalogue.names),
            fallback=state.fallback,
            group=settings.kafka.group_id,
            topics=list(topics),
        )
        _calm_collector()
        async with asyncio.TaskGroup() as group:
            probing = group.create_task(permission.run(), name="permission")
            await intake.run()
            probing.cancel()
        _log.info("stopped")


def _calm_collector() -> None:
    """Takes what the start made out of the garbage collector's sight, and lets it look less often.

    By default it walks some 150,000 lasting objects again and again: a twentieth of a busy worker's CPU time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
