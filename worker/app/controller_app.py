"""Builds the parts of the rollout's controller and runs them; the only place that wires them."""

import asyncio
import os
import socket
from contextlib import AsyncExitStack
from functools import partial

import aiohttp
import structlog
from prometheus_client import CollectorRegistry

from schemas.rollout_status import RolloutStatus
from schemas.topics import ROLLOUT, prefixed
from worker.config.certificate_file import certificate_files
from worker.config.settings import Settings
from worker.lifecycle.clock import Clock
from worker.lifecycle.signals import ShutdownSignals
from worker.observability.http import serve_http
from worker.rollout.controller.attempts_reader import read_attempts
from worker.rollout.controller.controller import Controller
from worker.rollout.controller.controller_parts import ControllerParts, Report
from worker.rollout.controller.leader_election import LeaderElection
from worker.rollout.controller.metrics import RolloutMetrics
from worker.rollout.controller.prometheus import PrometheusClient
from worker.rollout.controller.receiver import build_receivers, webhook_session
from worker.rollout.controller.status import publish_status
from worker.rollout.controller.webhooks import RevisionHistory, WebhookNotifier
from worker.rollout.log.reader import open_log
from worker.rollout.log.writer import RevisionWriter
from worker.speech.catalogue_file import load_catalogue

_log = structlog.get_logger(__name__)


async def run_controller(settings: Settings, *, dry_run: bool) -> None:
    """Runs the controller until SIGTERM or SIGINT.

    Args:
        dry_run: it writes nothing and takes no part in the leader election; the log says what it would do.

    Raises:
        UsageError: the start is refused; the message is one line.
        CancelledError: a signal came.
    """
    ShutdownSignals()
    catalogue = load_catalogue(settings.worker.characters_file).names
    metrics = RolloutMetrics(CollectorRegistry())
    history = RevisionHistory()
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        webhooks, keys = settings.controller.webhooks, settings.controller.webhook_keys
        receivers = build_receivers(await stack.enter_async_context(webhook_session()), webhooks, keys, Clock().now)
        notifier = WebhookNotifier(
            receivers,
            history,
            catalogue,
            topic=prefixed(ROLLOUT, settings.kafka.topic_prefix),
            count=metrics.count_message,
        )
        for audience in receivers:
            metrics.track_messages(audience, partial(notifier.waiting_for, audience))
        for name, file in certificate_files(settings).items():
            metrics.track_certificate(name, file.ends_at, file.lifetime_s)
        election = LeaderElection(settings.kafka, notifier)
        controller = _build_controller(
            settings,
            session=session,
            election=election,
            history=history,
            metrics=metrics,
            catalogue=catalogue,
            dry_run=dry_run,
        )
        port = await stack.enter_async_context(
            serve_http(
                settings.worker.http_host, settings.worker.http_port, metrics.registry, lambda: controller.waits_for
            )
        )
        _log.info(
            "started", http=f"http://{settings.worker.http_host}:{port}", controller=_instance_name(), dry_run=dry_run
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(controller.run(), name="controller")
            if not dry_run:
                # A member of the group may be elected at once. A leader that still catches up would keep another
                # controller, which has caught up, from evaluating the rollout.
                await controller.ready.wait()
                group.create_task(election.run(), name="leader election")


def _build_controller(
    settings: Settings,
    *,
    session: aiohttp.ClientSession,
    election: LeaderElection,
    history: RevisionHistory,
    metrics: RolloutMetrics,
    catalogue: frozenset[str],
    dry_run: bool,
) -> Controller:
    kafka, clock = settings.kafka, Clock()
    return Controller(
        ControllerParts(
            open_log=partial(open_log, kafka, clock),
            open_attempts=lambda since, observers: read_attempts(
                kafka, settings.delivery.retry_delays, since, observers, clock
            ),
            create_writer=lambda log: RevisionWriter(log, kafka, clock),
            is_leader=lambda: election.is_leader and not dry_run,
            prometheus=PrometheusClient(
                session, settings.controller.prometheus_url, settings.controller.prometheus_timeout_s
            ),
            report=_log_status if dry_run else _status_publisher(settings, election),
            history=history,
            metrics=metrics,
            catalogue=catalogue,
            clock=clock,
            actor=f"controller {socket.gethostname()}",
            round_s=settings.controller.round_s,
        )
    )


async def _log_status(status: RolloutStatus) -> None:
    _log.info("rollout_round", stage=status.stage, phase=status.phase, waits_for=list(status.waits_for))


def _status_publisher(settings: Settings, election: LeaderElection) -> Report:
    """Publishes the status of each round while this controller leads; raises KafkaError."""
    stamp = {"controller": _instance_name(), "every_s": settings.controller.round_s}

    async def publish(status: RolloutStatus) -> None:
        if election.is_leader:
            await publish_status(settings.kafka, status.model_copy(update=stamp))

    return publish


def _instance_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
