"""Builds the parts of the HTTP API and runs them; the only place that wires them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from prometheus_client import CollectorRegistry

from schemas.topics import COMPLETIONS, LANES, STREAMS, prefixed
from worker.app.api_socket import listening_socket
from worker.app.console_app import ApiAndConsole, Console, build_console
from worker.app.tracing import open_tracing
from worker.config.certificate_file import certificate_files
from worker.config.settings import Settings
from worker.console.access.request_limits import RequestLimit
from worker.console.access.tokens_file import TokensFile
from worker.console.api.app import create_app
from worker.console.api.parts import ApiParts
from worker.console.api.server import ApiServer
from worker.console.lines.api_producer import ApiProducer
from worker.console.lines.completion_backlog import CompletionBacklog
from worker.console.lines.event_streams import EventStreams
from worker.console.lines.kafka_records import KafkaRecords
from worker.console.lines.line_sender import LineSender
from worker.console.lines.line_streams import LineStreams
from worker.console.lines.recent_lines import RecentLines
from worker.console.lines.take_finder import TakeFinder
from worker.console.lines.waiters import Waiters
from worker.console.measurement import MeasureRequests
from worker.console.metrics import HttpApiMetrics
from worker.console.web.access import Visitors
from worker.kafka.client.consumer import standalone_consumer
from worker.kafka.client.events import Event
from worker.kafka.client.health import kafka_outage, monitor_kafka
from worker.kafka.scan.topic_follower import TopicFollower
from worker.lifecycle.clock import Clock
from worker.lifecycle.dependency import Backoff, Dependency
from worker.lifecycle.signals import ShutdownSignals
from worker.observability.http import serve_http
from worker.speech.catalogue_file import load_catalogue
from worker.storage.audio_addresses import AudioAddresses
from worker.storage.client import connect_store
from worker.storage.take_store import TakeStore

_KAFKA_BACKOFF: Final = Backoff(0.5, 5.0)
_STORE_CONNECTIONS: Final = 32
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Lines:
    """What is known of the lines, and what keeps it up to date."""

    recent: RecentLines
    waiters: Waiters
    streams: EventStreams
    heard: LineStreams
    jobs: TopicFollower
    completions: TopicFollower
    streamed: TopicFollower


async def run_http_api(settings: Settings) -> None:
    """Serves the HTTP API until SIGTERM or SIGINT, then answers those who wait, and ends.

    While Kafka is down, requests that need it are answered with 503.

    Raises:
        UsageError, StorageRefusedError: the start is refused; the message is one line.
        CancelledError: a second signal arrived.
    """
    signals = ShutdownSignals()
    api, clock = settings.http_api, Clock()
    tokens = None if api.tokens_file is None else TokensFile(api.tokens_file)
    async with AsyncExitStack() as stack:
        listening = stack.enter_context(listening_socket(api))
        tracing = await stack.enter_async_context(open_tracing(settings))
        metrics = HttpApiMetrics(CollectorRegistry())
        for name, file in certificate_files(settings).items():
            metrics.track_certificate(name, file.ends_at, file.lifetime_s)
        lines = _build_lines(settings, clock)
        metrics.track(lambda: len(lines.waiters), lambda: len(lines.streams), lambda: len(lines.recent))
        kafka = Dependency("kafka", _KAFKA_BACKOFF, metrics, clock, consequence="No line can be enqueued")
        producer = ApiProducer(settings.kafka, kafka, tracing.tracer)
        waits_for = partial(_waits_for, kafka, producer, lines, signals)
        worker = settings.worker
        health = await stack.enter_async_context(
            serve_http(worker.http_host, worker.http_port, metrics.registry, waits_for)
        )
        store = await stack.enter_async_context(connect_store(settings.storage, _STORE_CONNECTIONS))
        sender = LineSender(
            producer.send,
            lines.recent,
            most=api.max_unacknowledged,
            max_text_bytes=worker.max_text_bytes,
            clock=clock,
        )
        parts = _build_parts(
            settings,
            lines,
            sender,
            send_event=producer.send_event,
            tokens=tokens,
            store=store,
            waits_for=waits_for,
            clock=clock,
        )
        visitors = Visitors(parts.tokens, parts.requests, clock)
        console = build_console(
            settings,
            parts.catalogue,
            visitors,
            audio=parts.audio_url,
            enqueue=sender.enqueue,
            send_event=producer.send_event,
            store=store,
            clock=clock,
        )
        served = MeasureRequests(ApiAndConsole(create_app(parts), console.app), metrics, clock)
        server = ApiServer(served, worker.grace_s)
        signals.drain_with(partial(_stop, server, lines, console))
        _log.info(
            "started",
            http_api=f"http://{api.host}:{listening.getsockname()[1]}",
            http=f"http://{worker.http_host}:{health}",
            tokens=str(api.tokens_file or "none: everybody on this machine may do everything"),
        )
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(producer.run(), name="producer"),
                group.create_task(_watch_kafka(settings, kafka), name="kafka"),
                group.create_task(lines.jobs.run(), name="lanes"),
                group.create_task(lines.completions.run(), name="completions"),
                group.create_task(lines.streamed.run(), name="streams"),
                group.create_task(console.feed.run(), name="rollout"),
                *(group.create_task(each.run(), name=each.name) for each in console.followers),
            ]
            await server.serve([listening])
            await sender.finish(worker.grace_s)
            for task in beside:
                task.cancel()
        _log.info("stopped")


def _build_lines(settings: Settings, clock: Clock) -> _Lines:
    api, kafka = settings.http_api, settings.kafka
    recent = RecentLines(api.remembered_lines, api.remembered_mb * 2**20)
    waiters, streams = Waiters(api.max_waiters), EventStreams(api.max_streams)
    heard = LineStreams(api.streamed_mb * 2**20)
    records = KafkaRecords(kafka.topic_prefix, recent, waiters, streams, heard)
    now = clock.now()
    since = now - timedelta(seconds=api.read_back_s)
    lanes = [prefixed(topic, kafka.topic_prefix) for topic in LANES.values()]
    completions = [prefixed(COMPLETIONS, kafka.topic_prefix)]
    streamed = [prefixed(STREAMS, kafka.topic_prefix)]
    return _Lines(
        recent,
        waiters,
        streams,
        heard,
        # Apart from the completions: a batch of jobs must not keep a completion from those who wait for it.
        TopicFollower(kafka, "lanes", lanes, records.observe_job, since=since, clock=clock),
        TopicFollower(kafka, "completions", completions, records.observe_completion, since=since, clock=clock),
        TopicFollower(kafka, "streams", streamed, records.observe_stream, since=now, clock=clock),
    )


def _build_parts(
    settings: Settings,
    lines: _Lines,
    sender: LineSender,
    *,
    send_event: Callable[[Event], Awaitable[None]],
    tokens: TokensFile | None,
    store: TakeStore,
    waits_for: Callable[[], list[str]],
    clock: Clock,
) -> ApiParts:
    catalogue = load_catalogue(settings.worker.characters_file)
    return ApiParts(
        settings=settings,
        catalogue=catalogue,
        clock=clock,
        tokens=None if tokens is None else tokens.entries,
        requests=RequestLimit(settings.http_api.requests_per_minute),
        enqueues=RequestLimit(settings.http_api.lines_per_minute),
        feedback=RequestLimit(settings.http_api.feedback_per_minute),
        waits_for=waits_for,
        recent=lines.recent,
        waiters=lines.waiters,
        streams=lines.streams,
        heard=lines.heard,
        sender=sender,
        send_event=send_event,
        completions_read_to=lambda: lines.completions.positions,
        read_again=CompletionBacklog(settings.kafka).read,
        takes=TakeFinder(catalogue, settings.storage.prefix, store.look_up),
        audio_url=AudioAddresses(settings.storage, store).address,
    )


def _stop(server: ApiServer, lines: _Lines, console: Console) -> None:
    """Ends the process: no new connections, and an answer for each request that waits."""
    server.stop()
    lines.waiters.stop()
    lines.streams.stop()
    console.stop()


def _waits_for(kafka: Dependency, producer: ApiProducer, lines: _Lines, signals: ShutdownSignals) -> list[str]:
    """What keeps the process from enqueuing lines; empty when it is ready."""
    reasons = [] if kafka.waits_for is None else [kafka.waits_for]
    if kafka.is_up and not producer.connected.is_set():
        reasons.append("Kafka: the producer's connection")
    # Before that, a line that is in Kafka already would be enqueued again.
    if kafka.is_up and not all(each.caught_up.is_set() for each in (lines.jobs, lines.completions, lines.streamed)):
        reasons.append("Kafka: the latest lines, read to their end")
    if signals.requested:
        reasons.append("nothing: the process is shutting down")
    return reasons


async def _watch_kafka(settings: Settings, kafka: Dependency) -> None:
    async with standalone_consumer(settings.kafka, "health check") as consumer:
        await kafka.wait_until_up(consumer.start, kafka_outage)
        await monitor_kafka(consumer, lambda: 0.0, kafka)
