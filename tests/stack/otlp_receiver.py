"""An OTLP receiver, as a collector is one: takes spans over gRPC, and shows the trace as a tree of text."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Status


@dataclass(frozen=True)
class ReceivedSpan:
    """A span as it was exported; ids in hexadecimal, times in seconds."""

    name: str
    kind: str
    trace_id: str
    id: str
    parent_id: str
    links: tuple[tuple[str, str], ...]
    attributes: dict[str, Any]
    failed: bool
    began: float
    ended: float
    service: str

    def __str__(self) -> str:
        outcome = self.attributes.get("error.type") or self.attributes.get("tts.outcome") or ""
        return f"{self.name}{': ' if outcome else ''}{outcome}"


class OtlpReceiver(TraceServiceServicer):
    """Keeps all spans that it receives."""

    def __init__(self) -> None:
        self.endpoint = ""
        self.spans: list[ReceivedSpan] = []

    @property
    def environment(self) -> dict[str, str]:
        """The variables that let a process export here."""
        return {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }

    async def Export(self, request: Any, _context: Any) -> ExportTraceServiceResponse:  # noqa: N802
        for of_resource in request.resource_spans:
            service = _values(of_resource.resource.attributes)["service.name"]
            for of_scope in of_resource.scope_spans:
                self.spans += [_received(span, service) for span in of_scope.spans]
        return ExportTraceServiceResponse()

    def named(self, name: str) -> list[ReceivedSpan]:
        return sorted((span for span in self.spans if span.name == name), key=lambda span: span.began)

    def tree(self, trace_id: str) -> list[str]:
        """The trace's spans, children indented below their parents in the order in which they began."""
        spans = sorted((span for span in self.spans if span.trace_id == trace_id), key=lambda span: span.began)
        ids = {span.id for span in spans}
        lines = []

        def add(parent_id: str, depth: int) -> None:
            for span in spans:
                if span.parent_id == parent_id or (depth == 0 and span.parent_id and span.parent_id not in ids):
                    lines.append(f"{'  ' * depth}{span}")
                    add(span.id, depth + 1)

        add("", 0)
        return lines


@asynccontextmanager
async def otlp_receiver(address: str = "127.0.0.1:0") -> AsyncIterator[OtlpReceiver]:
    receiver = OtlpReceiver()
    server = grpc.aio.server()
    add_TraceServiceServicer_to_server(receiver, server)
    receiver.endpoint = f"http://127.0.0.1:{server.add_insecure_port(address)}"
    await server.start()
    try:
        yield receiver
    finally:
        await server.stop(None)


def _received(span: SpanMessage, service: str) -> ReceivedSpan:
    return ReceivedSpan(
        name=span.name,
        kind=SpanMessage.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace_id=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        attributes=_values(span.attributes),
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        began=span.start_time_unix_nano / 1e9,
        ended=span.end_time_unix_nano / 1e9,
        service=service,
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
