"""The tracer that records spans by OpenTelemetry, with the names of its semantic conventions (1.44) where it has them.

Messages: `process` is a child of the message's creation context and links to it, as the conventions allow where each
message is processed alone; each message that is sent carries the context of its own `send`.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import Token
from types import TracebackType
from typing import Final, Self

from opentelemetry.context import Context, attach, detach, get_current, get_value, set_value
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, get_current_span, set_span_in_context
from opentelemetry.trace import Tracer as Recorder

from schemas.enums import Lane
from schemas.headers import Headers
from worker.observability.tracing.trace_context import read_context, sender_of, write_context
from worker.observability.tracing.tracer import Attribute, Publishing

_LANE: Final = "tts.lane"
_ERROR: Final = "error.type"
_SEND: Final = {
    "messaging.system": "kafka",
    "messaging.operation.name": "send",
    "messaging.operation.type": "send",
}
_PROCESS: Final = {
    "messaging.system": "kafka",
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
}


class OpenTelemetryTracer:
    """Records spans.

    Args:
        recorder: OpenTelemetry's.
        group_id: the worker's consumer group.
        time_ns: the time since 1970, for the spans that began before.
    """

    def __init__(self, recorder: Recorder, group_id: str, time_ns: Callable[[], int] = time.time_ns) -> None:
        self._recorder = recorder
        self._group_id = group_id
        self._time_ns = time_ns

    def process(
        self, lane: Lane, topic: str, *, partition: int, offset: int, headers: Headers, timestamp_ms: int
    ) -> "_Active":
        """The span of a received message, and that of its wait in Kafka."""
        context = set_value(_LANE, lane.value, read_context(headers))
        sender = sender_of(context)
        attributes: dict[str, Attribute] = {
            **_PROCESS,
            "messaging.destination.name": topic,
            "messaging.destination.partition.id": str(partition),
            "messaging.kafka.offset": offset,
            "messaging.consumer.group.name": self._group_id,
        }
        links = [] if sender is None else [Link(sender)]
        span = self._begin(f"process {topic}", context, attributes, kind=SpanKind.CONSUMER, links=links)
        inside = set_span_in_context(span, context)
        now = self._time_ns()
        self._begin("queue wait", inside, {}, began_ns=min(timestamp_ms * 1_000_000, now)).end(now)
        return _Active(span, inside)

    def stage(self, name: str, /, **attributes: Attribute) -> "_Active":
        """The span of a stage."""
        context = get_current()
        span = self._begin(name, context, _ours(attributes))
        return _Active(span, set_span_in_context(span, context))

    def call(self, method: str, server: str, /, **attributes: Attribute) -> "_Active":
        """The span of a gRPC request."""
        context = get_current()
        host, _, port = server.partition(":")
        known: dict[str, Attribute] = {"rpc.system.name": "grpc", "rpc.method": method, "server.address": host}
        if port:
            known["server.port"] = int(port)
        span = self._begin(method, context, {**known, **_ours(attributes)}, kind=SpanKind.CLIENT)
        return _Active(span, set_span_in_context(span, context), code="rpc.response.status_code")

    def waited(self, name: str, seconds: float, /, **attributes: Attribute) -> None:
        """A span that ends now."""
        now = self._time_ns()
        began_ns = now - round(max(0.0, seconds) * 1e9)
        self._begin(name, get_current(), _ours(attributes), began_ns=began_ns).end(now)

    def note(self, **attributes: Attribute) -> None:
        """Adds attributes to the span."""
        span = get_current_span()
        if span.is_recording():
            span.set_attributes(_known(_ours(attributes)))

    def fail(self, error: str) -> None:
        """The span ends with an error."""
        _fail(get_current_span(), error)

    def publish(self, *, replay_of: Headers | None = None, **attributes: Attribute) -> "_Publishing":
        """The spans of messages to be published."""
        if replay_of is None:
            return _Publishing(self._begin, get_current(), [], _ours(attributes))
        letter = sender_of(read_context(replay_of))
        return _Publishing(self._begin, Context(), [] if letter is None else [Link(letter)], _ours(attributes))

    def exemplar(self) -> dict[str, str] | None:
        """The trace and span that a measurement of this moment is an example of."""
        return current_ids()

    def _begin(
        self,
        name: str,
        context: Context,
        attributes: Mapping[str, Attribute],
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        links: Sequence[Link] = (),
        began_ns: int | None = None,
    ) -> Span:
        given = _known(attributes)
        lane = get_value(_LANE, context)
        if isinstance(lane, str):
            given[_LANE] = lane
        return self._recorder.start_span(name, context, kind, given, links, began_ns)


class _Active:
    """A span that its task is in."""

    __slots__ = ("_code", "_context", "_span", "_token")

    def __init__(self, span: Span, context: Context, code: str | None = None) -> None:
        self._span = span
        self._context = context
        self._code = code
        self._token: Token[Context] | None = None

    def __enter__(self) -> Self:
        self._token = attach(self._context)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if self._token is not None:
            detach(self._token)
        _note_exception(self._span, error)
        if self._code is not None and isinstance(self._span, ReadableSpan):
            unnamed = "CANCELLED" if isinstance(error, asyncio.CancelledError) else "OK"
            self._span.set_attribute(self._code, (self._span.attributes or {}).get(_ERROR, unnamed))
        self._span.end()


class _Publishing(Publishing):
    """The spans of the messages that are published together, by their topics."""

    def __init__(
        self,
        begin: Callable[..., Span],
        context: Context,
        links: Sequence[Link],
        attributes: Mapping[str, Attribute],
    ) -> None:
        self._begin = begin
        self._context = context
        self._links = links
        self._attributes = attributes
        self._spans: dict[str, Span] = {}

    def headers(self, topic: str, headers: Headers) -> Headers:
        span = self._spans.get(topic)
        if span is None:
            attributes = {**_SEND, "messaging.destination.name": topic, **self._attributes}
            span = self._begin(f"send {topic}", self._context, attributes, kind=SpanKind.PRODUCER, links=self._links)
            self._spans[topic] = span
        return write_context(headers, set_span_in_context(span, self._context))

    def refused(self, topic: str, error: str) -> None:
        if (span := self._spans.pop(topic, None)) is not None:
            _fail(span, error)
            span.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        for span in self._spans.values():
            _note_exception(span, error)
            span.end()


def current_ids() -> dict[str, str] | None:
    """The ids of the span that its task is in, as text; None outside of one, and in one that isn't sampled."""
    context = get_current_span().get_span_context()
    if not context.is_valid or not context.trace_flags.sampled:
        return None
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def _ours(attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
    return {f"tts.{name}": value for name, value in attributes.items()}


def _known(attributes: Mapping[str, Attribute]) -> dict[str, str | int | float | bool]:
    return {name: value for name, value in attributes.items() if value is not None}


def _note_exception(span: Span, error: BaseException | None) -> None:
    """An exception's name is the error, unless `fail` has named it; its message may quote a line."""
    if isinstance(error, asyncio.CancelledError):
        span.set_attribute("tts.cancelled", value=True)
    elif error is not None and isinstance(span, ReadableSpan) and span.status.status_code is StatusCode.UNSET:
        _fail(span, type(error).__name__)


def _fail(span: Span, error: str) -> None:
    span.set_status(Status(StatusCode.ERROR))
    span.set_attribute(_ERROR, error)
