"""Measures every request, and answers those that fail for a reason that nobody foresaw."""

from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.console.api.problems import problem_of, problem_response
from worker.console.metrics import HttpApiMetrics
from worker.lifecycle.clock import Clock

_FAILED: Final = 500
_log = structlog.get_logger(__name__)


class MeasureRequests:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, metrics: HttpApiMetrics, clock: Clock) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = self._clock.monotonic()
        status: int | None = None

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        except Exception as error:
            _log.exception("request_crashed", path=scope["path"], method=scope["method"])
            if status is not None:
                raise
            status = _FAILED
            await problem_response(problem_of(error))(scope, receive, send)
        finally:
            operation = getattr(scope.get("route"), "operation_id", None) or "other"
            self._metrics.count_request(operation, status or _FAILED, self._clock.monotonic() - began)
