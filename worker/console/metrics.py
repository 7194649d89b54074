"""The HTTP API's metrics: what each request was answered, and what the process holds."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from prometheus_client import CollectorRegistry

from worker.observability import http_api_metric_catalogue as catalogue

# No metric of the HTTP API has the label of a character of the catalogue.
_NO_CHARACTERS: Final = ()
_OUTCOMES: Final = {
    HTTPStatus.ACCEPTED: "accepted",
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.FORBIDDEN: "unauthorized",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "not_found",
    HTTPStatus.CONFLICT: "conflict",
    HTTPStatus.TOO_MANY_REQUESTS: "limited",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
}


def outcome_of(status: int) -> str:
    """The value of the label `outcome` for an answer's status."""
    if status in _OUTCOMES:
        return _OUTCOMES[HTTPStatus(status)]
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return "ok"
    if status < HTTPStatus.BAD_REQUEST:
        return "redirected"
    return "invalid" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "failed"


class HttpApiMetrics:
    """The metrics, registered as they stand in the catalogue."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        args = (registry, _NO_CHARACTERS)
        self._requests = catalogue.REQUESTS.register(*args)
        self._duration = catalogue.REQUEST_DURATION.register(*args)
        self._waiters = catalogue.WAITERS.register(*args)
        self._streams = catalogue.STREAMS.register(*args)
        self._remembered = catalogue.REMEMBERED_LINES.register(*args)
        self._down = catalogue.DEPENDENCY_DOWN.register(*args)
        self._certificate_end = catalogue.CERTIFICATE_END.register(*args)
        self._certificate_lifetime = catalogue.CERTIFICATE_LIFETIME.register(*args)

    def count_request(self, route: str | None, method: str, status: int, seconds: float) -> None:
        """Counts an answered request.

        Args:
            route: its template, such as `/v1/lines/{job_id}`; None of an address that there is not.
            seconds: from its first byte to the answer's last.
        """
        known = (route or catalogue.OTHER, method if method in catalogue.METHODS else catalogue.OTHER)
        self._requests.labels(*known, f"{status // 100}xx", outcome_of(status)).inc()
        self._duration.labels(*known).observe(seconds)

    def track(self, waiters: Callable[[], int], streams: Callable[[], int], remembered: Callable[[], int]) -> None:
        """Exports what the process holds; the callbacks run at each scrape."""
        self._waiters.set_function(waiters)
        self._streams.set_function(streams)
        self._remembered.set_function(remembered)

    def set_down(self, dependency: str, reason: str | None) -> None:
        """Exports the outage of a dependency; None while the dependency is up."""
        self._down.labels(dependency).set(reason is not None)

    def track_certificate(self, file: str, ends_at: Callable[[], float], lifetime_s: Callable[[], float]) -> None:
        """Exports the end of a file's certificate, and its whole lifetime; the callbacks run at each scrape."""
        self._certificate_end.labels(file).set_function(ends_at)
        self._certificate_lifetime.labels(file).set_function(lifetime_s)
