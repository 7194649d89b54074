"""Runs the worker, from the start to the graceful shutdown."""

import asyncio
import gc
from contextlib import AsyncExitStack

import structlog
from prometheus_client import CollectorRegistry

from worker.app.process_parts import ProcessParts
from worker.app.tracing import open_tracing
from worker.app.worker_start import Worker, start_worker
from worker.config.certificate_file import certificate_files
from worker.config.settings import Settings
from worker.lifecycle.clock import Clock
from worker.lifecycle.lifeline import lifeline
from worker.lifecycle.signals import ShutdownSignals
from worker.observability.metrics import Metrics
from worker.processes.place import Place
from worker.speech.catalogue_file import load_catalogue

_log = structlog.get_logger(__name__)


async def run_worker(settings: Settings, place: Place | None = None) -> None:
    """Runs the worker until SIGTERM or SIGINT, then drains it.

    While Kafka or S3 is down at the start, the worker waits for it.

    Args:
        place: where it is one of a parent's processes; it ends at once when the parent does.

    Raises:
        UsageError, TopicError, StorageRefusedError, GoogleAuthError: the start is refused;
            the message is one line.
        CancelledError: a signal arrived before the worker took jobs, or a second one during its drain, or the parent
            ended.
        ExceptionGroup: Kafka failed for good; nothing unacknowledged is committed.
    """
    signals = ShutdownSignals()
    catalogue = load_catalogue(settings.worker.characters_file)
    async with open_tracing(settings) as tracing, AsyncExitStack() as stack:
        metrics = Metrics(CollectorRegistry(), catalogue.names, exemplar=tracing.tracer.exemplar)
        for name, file in certificate_files(settings).items():
            metrics.track_certificate(name, file.ends_at, file.lifetime_s)
        parts = ProcessParts(settings, catalogue, metrics, Clock(), tracing.tracer)
        listener = None
        if place is not None:
            # The next parent's processes may have this one's name already.
            stack.enter_context(lifeline(place.lifeline, signals.cancel))
            listener = place.open_listener()
        worker = await start_worker(parts, signals, stack, listener)
        signals.drain_with(worker.intake.stop)
        tune_garbage_collector()
        await _run_until_drained(worker)
        # While the clients are closed, which takes seconds where Kafka doesn't answer.
        tracing.flush()
        _log.info("stopped")


async def _run_until_drained(worker: Worker) -> None:
    async with asyncio.TaskGroup() as group:
        beside = [group.create_task(each, name=name) for name, each in worker.beside.items()]
        await worker.intake.run()
        for task in beside:
            task.cancel()


def tune_garbage_collector() -> None:
    """Exempts the objects of the start from garbage collection, and collects less often.

    With Python's defaults the collector walks some 150,000 lasting objects again and again: a twentieth of a busy
    worker's CPU time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
