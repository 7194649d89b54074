"""The one catalogue of the HTTP API's metrics; each help text says what a high value means."""

from typing import Final

from worker.observability import metric_catalogue as worker
from worker.observability.metric_definition import (
    CounterDefinition,
    Definition,
    GaugeDefinition,
    HistogramDefinition,
    Label,
)

ROUTES: Final = (
    "enqueue_line",
    "get_line",
    "cancel_line",
    "get_audio",
    "find_takes",
    "stream_events",
    "give_feedback",
    "openapi",
    "other",
)
"""The API's operations, by their ids in the OpenAPI document; `other` is an address that there is not."""
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
"""What an answer's status says, several statuses in one word."""

# The goal of the API, 3 ms over Kafka alone, is a bound; then up to the longest wait for a completion.
REQUEST_BUCKETS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 300)

REQUESTS: Final = CounterDefinition(
    "tts_http_requests",
    "Requests to the HTTP API by route and outcome. High limited: a client is beyond its limit, or the process is "
    "full; high unavailable: Kafka or the store doesn't answer; high unauthorized: a token is wrong.",
    (Label("route", ROUTES), Label("outcome", OUTCOMES)),
)
REQUEST_DURATION: Final = HistogramDefinition(
    "tts_http_request_duration_seconds",
    "Seconds until a request was answered, the wait for a completion included, by route; of an event stream its whole "
    "length. High: clients wait for completions, or Kafka is slow.",
    (Label("route", ROUTES),),
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
