"""Builds the parts of the rollout's controller and runs them; the only place that wires them."""

import asyncio
import os
import socket
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

import aiohttp
import structlog
from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry

from schemas.rollout_status import RolloutStatus
from worker.config.settings import Settings
from worker.lifecycle.clock import Clock
from worker.lifecycle.signals import ShutdownSignals
from worker.observability.http import serve_http
from worker.rollout.controller.attempts_reader import read_attempts
from worker.rollout.controller.controller import Controller, ControllerParts
from worker.rollout.controller.leader_election import LeaderElection
from worker.rollout.controller.metrics import RolloutMetrics
from worker.rollout.controller.prometheus import PrometheusClient
from worker.rollout.controller.status import publish_status
from worker.rollout.controller.webhooks import Notifier, RevisionHistory
from worker.rollout.log.reader import open_log
from worker.rollout.log.writer import RevisionWriter
from worker.speech.catalogue import load_catalogue

_REPORT_S: Final = 5.0
_log = structlog.get_logger(__name__)


async def run_controller(settings: Settings, *, dry_run: bool) -> None:
    """Runs the controller until SIGTERM or SIGINT.

    Args:
        settings: of the process.
        dry_run: it writes nothing and takes no part in who leads; the log says what it would do.

    Raises:
        UsageError: the start is refused; the message is one line.
        CancelledError: a signal came.
    """
    ShutdownSignals()
    catalogue = load_catalogue(settings.worker.characters_file).names
    metrics = RolloutMetrics(CollectorRegistry())
    clock, known, kafka = Clock(), RevisionHistory(), settings.kafka
    name = f"{socket.gethostname()}:{os.getpid()}"
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        leading = LeaderElection(kafka, Notifier(session, settings.controller.webhooks, known, catalogue).hear)

        async def report(status: RolloutStatus) -> None:
            if dry_run:
                _log.info("rollout_round", stage=status.stage, phase=status.phase, waits_for=list(status.waits_for))
            if dry_run or not leading.leads:
                return
            told = status.model_copy(update={"controller": name, "every_s": settings.controller.round_s})
            try:
                async with asyncio.timeout(_REPORT_S):
                    await publish_status(kafka, told)
            except (KafkaError, TimeoutError) as error:
                _log.warning("rollout_report_failed", error=f"{type(error).__name__}: {error}")

        controller = Controller(
            ControllerParts(
                open_log=partial(open_log, kafka, clock),
                open_attempts=lambda since, take: read_attempts(
                    kafka, settings.delivery.retry_delays, since, take, clock
                ),
                create_writer=lambda log: RevisionWriter(log, kafka, clock),
                leads=lambda: leading.leads and not dry_run,
                queries=PrometheusClient(
                    session, settings.controller.prometheus_url, settings.controller.prometheus_timeout_s
                ),
                report=report,
                known=known,
                metrics=metrics,
                catalogue=catalogue,
                clock=clock,
                actor=f"controller {socket.gethostname()}",
                round_s=settings.controller.round_s,
            )
        )
        port = await stack.enter_async_context(
            serve_http(
                settings.worker.http_host, settings.worker.http_port, metrics.registry, lambda: controller.waits_for
            )
        )
        _log.info("started", http=f"http://{settings.worker.http_host}:{port}", controller=name, dry_run=dry_run)
        async with asyncio.TaskGroup() as group:
            group.create_task(controller.run(), name="controller")
            if not dry_run:
                # Who joins may lead at once: while it caught up nobody would judge, though another one could.
                await controller.ready.wait()
                group.create_task(leading.run(), name="leading")
