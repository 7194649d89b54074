"""The panels of the HTTP API: requests, how long they take, who waits."""

from typing import Final

from monitoring.panel import Panel, Query, Row
from monitoring.promql import quantile, rate, series, total
from worker.observability import http_api_metric_catalogue as metrics

_REQUESTS: Final = (
    Panel(
        "Requests by outcome",
        "A second, of all processes. limited: a client is beyond its limit, or a process is full; unavailable: Kafka "
        "or the store doesn't answer.",
        (Query(total(rate(series(metrics.REQUESTS)), "outcome"), "{{outcome}}"),),
        unit="reqps",
        minimum=0,
    ),
    Panel(
        "Requests that failed",
        "A second, of all processes: answered with 5xx, by method and route. Empty while none does.",
        (
            Query(
                f"{total(rate(series(metrics.REQUESTS, status='5xx')), 'method', 'route', 'outcome')} > 0",
                "{{method}} {{route}} {{outcome}}",
            ),
        ),
        unit="reqps",
        minimum=0,
    ),
    Panel(
        "Requests by route",
        "A second, of all processes; the console's pages are those without /v1.",
        (Query(total(rate(series(metrics.REQUESTS)), "method", "route"), "{{method}} {{route}}"),),
        unit="reqps",
        minimum=0,
    ),
    Panel(
        "Time of a request, 95 %",
        "By route, the wait for a completion included; of an event stream its whole length.",
        (Query(quantile(0.95, metrics.REQUEST_DURATION, "route"), "{{route}}"),),
        unit="s",
        minimum=0,
    ),
)
_CLIENTS: Final = (
    Panel(
        "Requests that wait for a completion",
        "Of each process; HTTP_API_MAX_WAITERS is the most.",
        (Query(series(metrics.WAITERS), "{{instance}}"),),
        minimum=0,
    ),
    Panel(
        "Event streams",
        "Of each process; HTTP_API_MAX_STREAMS is the most.",
        (Query(series(metrics.STREAMS), "{{instance}}"),),
        minimum=0,
    ),
    Panel(
        "Lines known by their id",
        "Of each process; HTTP_API_REMEMBERED_LINES is the most. One with fewer has just started.",
        (Query(series(metrics.REMEMBERED_LINES), "{{instance}}"),),
        minimum=0,
    ),
)

HTTP_API_ROWS: Final = (Row("Requests", _REQUESTS), Row("Clients", _CLIENTS))
"""The rows of the dashboard of the HTTP API."""
