"""W3C Trace Context in Kafka's headers: reads a producer's, and writes our own."""

from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from schemas.headers import TRACE_CONTEXT_HEADERS, TRACE_PARENT, TRACE_STATE, Headers, header_text, without_headers

# A traceparent of version 00 has 55 characters; a later version may be longer.
_LONGEST_PARENT: Final = 256
# W3C Trace Context, section 3.3.1.5: at least so many characters of a tracestate should be passed on.
_LONGEST_STATE: Final = 512
_W3C: Final = TraceContextTextMapPropagator()


def read_context(headers: Headers) -> Context:
    """The context of the span that sent a message; empty if its headers hold none, or one that isn't valid.

    Of several headers of a name the last one counts, as in Kafka's own clients.
    """
    found = {}
    for name, longest in ((TRACE_PARENT, _LONGEST_PARENT), (TRACE_STATE, _LONGEST_STATE)):
        text = header_text(headers, name)
        if text is not None and len(text) <= longest:
            found[name] = text
    return _W3C.extract(found, Context())


def sender_of(context: Context) -> SpanContext | None:
    """The span of a context that was read; None if there is none."""
    span_context = get_current_span(context).get_span_context()
    return span_context if span_context.is_valid else None


def write_context(headers: Headers, context: Context) -> Headers:
    """The headers with the context of a span, instead of the context that they may hold."""
    ours: dict[str, str] = {}
    _W3C.inject(ours, context)
    return [*without_headers(headers, TRACE_CONTEXT_HEADERS), *((name, text.encode()) for name, text in ours.items())]
