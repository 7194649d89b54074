"""The one catalogue of the metrics of the HTTP API and the console; each help text says what a high value means."""

from typing import Final

from worker.observability import metric_catalogue as worker
from worker.observability.metric_definition import (
    OPEN,
    CounterDefinition,
    Definition,
    GaugeDefinition,
    HistogramDefinition,
    Label,
)

METHODS: Final = ("GET", "POST", "DELETE", "other")
STATUS_CLASSES: Final = ("2xx", "3xx", "4xx", "5xx")
OTHER: Final = "other"
"""The route of an address that there is not, and each other method."""
OUTCOMES: Final = (
    "ok",
    "accepted",
    "redirected",
    "invalid",
    "unauthorized",
    "not_found",
    "conflict",
    "limited",
    "unavailable",
    "failed",
)
"""What an answer's status says, several statuses in one word: two kinds of 5xx, five of 4xx."""

# The goal of the API, 3 ms over Kafka alone, is a bound; then up to the longest wait for a completion.
REQUEST_BUCKETS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 300)

_ROUTE: Final = Label("route", OPEN)
_METHOD: Final = Label("method", METHODS)

REQUESTS: Final = CounterDefinition(
    "tts_http_requests",
    "Requests to the HTTP API and the console by the template of their route, method, class of their status, and "
    "outcome. High limited: a client is beyond its limit, or the process is full; high unavailable: Kafka or the store "
    "doesn't answer; high failed: see request_crashed in the log; high unauthorized: a token is wrong.",
    (_ROUTE, _METHOD, Label("status", STATUS_CLASSES), Label("outcome", OUTCOMES)),
    from_start=False,
)
REQUEST_DURATION: Final = HistogramDefinition(
    "tts_http_request_duration_seconds",
    "Seconds until a request was answered, the wait for a completion included, by route and method; of a stream its "
    "whole length. High: clients wait for completions, or Kafka is slow.",
    (_ROUTE, _METHOD),
    from_start=False,
    buckets=REQUEST_BUCKETS,
)
WAITERS: Final = GaugeDefinition(
    "tts_http_waiters",
    "Requests that wait for a completion. At HTTP_API_MAX_WAITERS: further ones are refused with 429.",
)
STREAMS: Final = GaugeDefinition(
    "tts_http_event_streams",
    "Open event streams. At HTTP_API_MAX_STREAMS: further ones are refused with 429.",
)
REMEMBERED_LINES: Final = GaugeDefinition(
    "tts_http_remembered_lines",
    "Lines that the process knows by their id. At HTTP_API_REMEMBERED_LINES: the oldest ones are forgotten.",
)
DEPENDENCY_DOWN: Final = worker.DEPENDENCY_DOWN
CERTIFICATE_END: Final = worker.CERTIFICATE_END
CERTIFICATE_LIFETIME: Final = worker.CERTIFICATE_LIFETIME

ALL_HTTP_API_METRICS: Final = tuple(each for each in tuple(globals().values()) if isinstance(each, Definition))
"""All of the above."""
