"""Measures every request of the HTTP API and of the console, by the template of its route."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.console.metrics import HttpApiMetrics
from worker.lifecycle.clock import Clock

_FAILED: Final = 500


class MeasureRequests:
    """ASGI middleware around applications of Starlette or FastAPI."""

    def __init__(self, app: ASGIApp, metrics: HttpApiMetrics, clock: Clock) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock
        self._templates: dict[int, Mapping[Callable[..., Any], str]] = {}

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
        finally:
            seconds = self._clock.monotonic() - began
            self._metrics.count_request(self._route(scope), scope["method"], status or _FAILED, seconds)

    def _route(self, scope: Scope) -> str | None:
        """The template of the route that an application has found; None if it found none.

        An address itself is no label: there are as many as clients think of.
        """
        if (route := scope.get("route")) is not None:
            # FastAPI names it.
            path: str = route.path
            return path
        app = scope.get("app")
        if app is None or "endpoint" not in scope:
            return None
        templates = self._templates.get(id(app))
        if templates is None:
            # The applications live as long as the process.
            found = {each.endpoint if isinstance(each, Route) else each.app: each.path for each in app.routes}
            templates = self._templates[id(app)] = found
        return templates.get(scope["endpoint"])
