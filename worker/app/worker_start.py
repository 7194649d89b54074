"""Builds the worker from its parts, and starts them in order."""

import asyncio
import socket
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import structlog

from schemas.topics import reply_topics_allowed
from worker.app.assignment_effects import AssignmentEffects
from worker.app.cancellation_source import CancellationSource
from worker.app.kafka_clients import KafkaClients, connect_kafka
from worker.app.pipeline_parts import build_pipeline, connect_speech, connect_storage
from worker.app.process_parts import ProcessParts
from worker.app.readiness import Readiness
from worker.app.rollout_source import build_rollout
from worker.app.tracing import instance_name
from worker.jobs.handler import Handler
from worker.jobs.pipeline import Pipeline
from worker.kafka.client.consumer import PREFETCH_BYTES, standalone_consumer
from worker.kafka.client.health import kafka_outage, kafka_outage_at_start, monitor_kafka
from worker.kafka.consumer.bad_input import BadInputLimit
from worker.kafka.consumer.intake import Intake, IntakeSettings
from worker.kafka.consumer.lag import LagMonitor
from worker.kafka.consumer.lane_pauses import LanePauses
from worker.kafka.consumer.log_bounds import LogBounds
from worker.kafka.consumer.reader import LaneReader
from worker.kafka.consumer.stall_detector import StallDetector
from worker.kafka.consumer.unstarted import UnstartedJobs
from worker.kafka.delivery.outbox import Addresses, OutcomeMessages
from worker.lifecycle.dependency import Backoff, Dependency, DependencyGate
from worker.lifecycle.signals import ShutdownSignals
from worker.observability.http import serve_http
from worker.rollout.current import CurrentRollout
from worker.rollout.description import describe
from worker.storage.probes import outage_at_start

_KAFKA_BACKOFF: Final = Backoff(0.5, 5.0)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Worker:
    """A started worker: the intake, and what runs beside it until it is drained, by name."""

    intake: Intake
    beside: dict[str, Coroutine[Any, Any, None]]


async def start_worker(
    parts: ProcessParts, signals: ShutdownSignals, stack: AsyncExitStack, listener: socket.socket | None
) -> Worker:
    """Connects all parts in the order that the start needs; the stack closes them in the reverse order.

    Args:
        signals: what the worker is stopped by; it isn't ready any more after the first one.
        listener: the socket of its metrics where it is one of a parent's processes; None for an own one.

    Raises:
        UsageError, TopicError, StorageRefusedError, GoogleAuthError: the start is refused; the message is one line.
    """
    settings = parts.settings
    rollout, follower = build_rollout(parts)
    speech = await connect_speech(parts, stack)
    storage = await connect_storage(parts, stack)
    kafka = Dependency("kafka", _KAFKA_BACKOFF, parts.metrics, parts.clock)
    gate = DependencyGate(speech.health, storage.health, kafka)
    lanes = _build_lanes(parts)
    assigned = asyncio.Event()
    cancellations = CancellationSource(parts)
    read = {} if follower is None else {"the rollout's topic": follower.known}
    read["the cancellations"] = cancellations.follower.caught_up
    problem_of = [each.problem for each in (follower, cancellations) if each is not None]
    readiness = Readiness(
        gate,
        lanes,
        signals,
        assigned,
        read,
        problems=lambda: [problem for find in problem_of if (problem := find()) is not None],
    )
    # Before the worker waits for any dependency: /readyz shows what it waits for.
    http = await _serve_http(parts, readiness, lanes, stack, listener)
    await storage.health.wait_until_up(storage.probes.check_start, outage_at_start(storage.resilient.bucket))
    stall_detector = StallDetector(settings.kafka.missed_after_s, parts.clock)
    effects = AssignmentEffects(speech.quota, assigned)
    clients = await stack.enter_async_context(
        connect_kafka(
            settings,
            _build_messages(parts),
            stall_detector,
            effects,
            kafka,
            clock=parts.clock,
            tracer=parts.tracer,
        )
    )
    if follower is not None:
        # Before the worker joins the group: as long as it can't decide jobs, the other members must get them.
        await kafka.wait_until_up(follower.start, kafka_outage)
    # Before it takes jobs: those that were cancelled while no worker ran are among them.
    await kafka.wait_until_up(cancellations.follower.start, kafka_outage)
    # The consumer joins the group; the first assignment makes the worker ready.
    await kafka.wait_until_up(clients.consumer.start, kafka_outage_at_start)
    pipeline = build_pipeline(
        parts, rollout, cancellations.known, speech=speech, storage=storage, open_sink=clients.streams.open
    )
    handler = _build_handler(parts, pipeline)
    intake = _build_intake(parts, clients, lanes=lanes, handler=handler, gate=gate, stall_detector=stall_detector)
    _log_start(parts, rollout, http, clients)
    lag = LagMonitor(clients.consumer, clients.partitions, parts.metrics, parts.clock)
    beside = {
        "google": speech.health.run(),
        "s3": storage.health.run(),
        "kafka": monitor_kafka(clients.consumer, intake.oldest_undelivered_s, kafka),
        "cancellations": cancellations.follower.run(),
        "lag": lag.run(),
        "unstarted": _build_unstarted(parts, clients, lag).run(),
    }
    return Worker(intake, beside if follower is None else {**beside, "rollout": follower.run()})


def _build_lanes(parts: ProcessParts) -> LanePauses:
    delivery = parts.settings.delivery
    limit = BadInputLimit(delivery.bad_input_share, delivery.bad_input_window, delivery.bad_input_probe_s)
    return LanePauses(limit, parts.metrics, parts.clock)


async def _serve_http(
    parts: ProcessParts,
    readiness: Readiness,
    lanes: LanePauses,
    stack: AsyncExitStack,
    listener: socket.socket | None,
) -> str:
    settings = parts.settings.worker
    host, port = settings.http_host, settings.http_port
    server = serve_http(
        host,
        port,
        parts.metrics.registry,
        readiness.waits_for,
        lanes.resume,
        token=settings.http_token,
        details=readiness.details,
        listener=listener,
    )
    return f"http://{host}:{await stack.enter_async_context(server)}"


def _build_messages(parts: ProcessParts) -> OutcomeMessages:
    kafka = parts.settings.kafka
    addresses = Addresses.for_group(kafka.topic_prefix, kafka.group_id, instance_name(parts.settings))
    return OutcomeMessages(addresses, parts.clock)


def _build_handler(parts: ProcessParts, pipeline: Pipeline) -> Handler:
    settings = parts.settings
    return Handler(
        pipeline,
        parts.metrics,
        parts.clock,
        settings.worker.max_text_bytes,
        settings.delivery.retry_delays,
        reply_topics=reply_topics_allowed(settings.delivery.reply_topics, settings.kafka.topic_prefix),
        tracer=parts.tracer,
    )


def _build_intake(
    parts: ProcessParts,
    clients: KafkaClients,
    *,
    lanes: LanePauses,
    handler: Handler,
    gate: DependencyGate,
    stall_detector: StallDetector,
) -> Intake:
    worker = parts.settings.worker
    return Intake(
        reader=LaneReader(clients.consumer, clients.partitions, lanes, parts.clock),
        bounds=LogBounds(clients.consumer, clients.partitions, parts.metrics, parts.clock),
        partitions=clients.partitions,
        lanes=lanes,
        delivery=clients.delivery,
        handler=handler,
        gate=gate,
        stall_detector=stall_detector,
        settings=IntakeSettings(worker.max_in_flight, worker.dialogue_slots, worker.grace_s),
        metrics=parts.metrics,
        clock=parts.clock,
        tracer=parts.tracer,
    )


def _build_unstarted(parts: ProcessParts, clients: KafkaClients, lag: LagMonitor) -> UnstartedJobs:
    name = "the reader of unstarted jobs"
    open_reader = partial(standalone_consumer, parts.settings.kafka, name, max_partition_fetch_bytes=PREFETCH_BYTES)
    return UnstartedJobs(lag.unstarted, clients.partitions, open_reader, parts.metrics, parts.clock)


def _log_start(parts: ProcessParts, rollout: CurrentRollout, http: str, clients: KafkaClients) -> None:
    settings = parts.settings
    _log.info(
        "started",
        http=http,
        rollout_source=settings.rollout.source,
        rollout=describe(rollout.state, parts.catalogue.names, parts.clock.now()),
        fallback=rollout.state.fallback,
        group=settings.kafka.group_id,
        instance_id=settings.kafka.group_instance_id,
        delivery=settings.delivery.guarantee,
        topics=clients.topics,
    )
