"""Chooses the tracer of a process: OpenTelemetry's where the settings say so, else one that records nothing."""

import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec

from structlog.typing import EventDict, Processor, WrappedLogger

from schemas.errors import UsageError
from worker import __version__
from worker.config.secret_file import SecretFile
from worker.config.settings import Settings
from worker.observability.tracing.tracer import NO_TRACER, Tracer


@dataclass(frozen=True)
class Tracing:
    """A process's tracer; `flush` begins to send the last spans, when no more will be recorded."""

    tracer: Tracer = NO_TRACER
    flush: Callable[[], None] = lambda: None


@asynccontextmanager
async def open_tracing(settings: Settings) -> AsyncIterator[Tracing]:
    """The tracer until the context ends, which takes two seconds at most.

    Raises:
        UsageError: traces are on and the extra `otel` isn't installed, or OpenTelemetry's variables are unusable.
    """
    if not settings.tracing.enabled:
        yield Tracing()
        return
    _check_extra()
    from worker.observability.tracing.otlp import Process, export_traces  # noqa: PLC0415

    headers = settings.tracing.headers
    process = Process(
        settings.tracing.service_name,
        __version__,
        instance_name(settings),
        settings.kafka.group_id,
        # The SDK reads the variable itself, and no file.
        headers.get_secret_value() if isinstance(headers, SecretFile) else None,
    )
    async with export_traces(process) as export:
        yield Tracing(export.tracer, export.flush)


def log_processors(settings: Settings) -> list[Processor]:
    """What adds the trace's and the span's id to each line of the log; nothing without traces.

    Raises:
        UsageError: traces are on and the extra `otel` isn't installed.
    """
    if not settings.tracing.enabled:
        return []
    _check_extra()
    from worker.observability.tracing.otel_tracer import current_ids  # noqa: PLC0415

    def add_ids(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.update(current_ids() or {})
        return event

    return [add_ids]


def instance_name(settings: Settings) -> str:
    """The worker's name in completions and traces."""
    return settings.kafka.group_instance_id or f"{socket.gethostname()}:{os.getpid()}"


def _check_extra() -> None:
    if find_spec("opentelemetry.sdk") is None or find_spec("opentelemetry.exporter") is None:
        raise UsageError(
            "OTEL_TRACES_EXPORTER='otlp': the extra otel isn't installed: pip install 'chirp-worker[otel]', "
            "or OTEL_TRACES_EXPORTER=none"
        )
