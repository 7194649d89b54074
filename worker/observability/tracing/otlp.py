"""Exports spans by OTLP over gRPC, as OpenTelemetry's own environment variables say; holds up no job.

What can't be exported is dropped: at most OTEL_BSP_MAX_QUEUE_SIZE spans (2,048) wait in memory.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from typing import Final

import structlog
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from schemas.errors import UsageError
from worker.observability.tracing.otel_tracer import OpenTelemetryTracer

FLUSH_S: Final = 2.0
"""How long the end of the process waits for the last spans, within the grace time."""
# They repeat each failure, and quote OTEL_EXPORTER_OTLP_HEADERS, which hold keys.
_NOISY: Final = (
    "opentelemetry.exporter.otlp.proto.grpc.exporter",
    "opentelemetry.sdk._shared_internal",
    "opentelemetry.util.re",
    "opentelemetry.trace.propagation.tracecontext",
)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Process:
    """The process that the spans come from.

    Attributes:
        name: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES may say another.
        instance_id: differs between the workers of a deployment.
        group_id: the consumer group.
        headers: of exports, as OTEL_EXPORTER_OTLP_HEADERS has them; None if they are in that variable.
    """

    name: str
    version: str
    instance_id: str
    group_id: str
    headers: str | None = None


class ReportingExporter(SpanExporter):
    """Passes spans on, and logs once that they can't be exported, and once that they can again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Exports spans on the processor's thread; those that can't be exported are lost."""
        why = "the OTLP receiver doesn't take them"
        try:
            result = self._exporter.export(spans)
        except Exception as error:  # noqa: BLE001
            # A library's bug must not end the thread that takes the spans out of memory.
            result, why = SpanExportResult.FAILURE, type(error).__name__
        if result is SpanExportResult.SUCCESS and self._lost:
            _log.info("traces_exported_again", lost_spans=self._lost)
            self._lost = 0
        elif result is not SpanExportResult.SUCCESS:
            if not self._lost:
                detail = "jobs go on, and their spans are lost: check OTEL_EXPORTER_OTLP_ENDPOINT and its receiver"
                _log.warning("traces_not_exported", why=why, detail=detail)
            self._lost += len(spans)
        return result

    def shutdown(self) -> None:
        """Ends an export that is under way, and exports nothing more."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """There is nothing to flush: the processor holds what waits."""
        return self._exporter.force_flush(timeout_millis)


class TraceExport:
    """Spans on their way to the receiver.

    Attributes:
        tracer: records them.
    """

    def __init__(self, process: Process) -> None:
        self._exporter = ReportingExporter(OTLPSpanExporter(headers=process.headers))
        self._processor = BatchSpanProcessor(self._exporter)
        provider = TracerProvider(resource=_resource(process), shutdown_on_exit=False)
        provider.add_span_processor(self._processor)
        self.tracer = OpenTelemetryTracer(provider.get_tracer("chirp-worker", process.version), process.group_id)
        self._ended = asyncio.Event()
        self._flush_until: float | None = None

    def flush(self) -> None:
        """Begins to send the last spans, when no more will be recorded; `close` waits for the end of it.

        On a daemon thread, since the processor's own shutdown may take 30 s: nothing waits for that.
        """
        if self._flush_until is not None:
            return
        loop = asyncio.get_running_loop()
        self._flush_until = loop.time() + FLUSH_S

        def shut_down() -> None:
            self._processor.shutdown()  # type: ignore[no-untyped-call]
            with suppress(RuntimeError):  # The loop is closed: nobody waits any more.
                loop.call_soon_threadsafe(self._ended.set)

        Thread(target=shut_down, name="last spans", daemon=True).start()

    async def close(self) -> None:
        """Returns once the last spans are sent, two seconds after `flush` began at the latest."""
        self.flush()
        try:
            async with asyncio.timeout_at(self._flush_until):
                await self._ended.wait()
        except TimeoutError:
            _log.warning("last_traces_lost", detail=f"the OTLP receiver hasn't taken them within {FLUSH_S:g} s")
        finally:
            self._exporter.shutdown()


@asynccontextmanager
async def export_traces(process: Process) -> AsyncIterator[TraceExport]:
    """Exports spans until the context ends; the receiver needn't be reachable.

    Raises:
        UsageError: OpenTelemetry can't work by its environment variables.
    """
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        export = TraceExport(process)
    except Exception as error:  # noqa: BLE001
        # The message may hold a variable's value: some are secrets.
        raise UsageError(f"OTEL_…: OpenTelemetry can't work by these variables ({type(error).__name__})") from None
    try:
        yield export
    finally:
        await export.close()


def _resource(process: Process) -> Resource:
    own = {
        "service.name": process.name,
        "service.version": process.version,
        "service.instance.id": process.instance_id,
    }
    return Resource.create({**own, **OTELResourceDetector().detect().attributes})
