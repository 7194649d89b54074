"""The HTTP server: `/metrics`, liveness (`/healthz`), readiness (`/readyz`), and resuming a paused lane."""

import inspect
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics import exposition as openmetrics
from pydantic import SecretStr

from schemas.enums import Lane
from schemas.errors import UsageError
from worker.observability.request_guard import refusal

WaitsFor = Callable[[], list[str]]
"""Returns what the process waits for before it does its work, a line each; empty when it is ready."""

Resume = Callable[[Lane], bool | Awaitable[bool]]
"""Resumes a paused lane; returns whether it was paused."""

_TEXT: Final = {"Content-Type": CONTENT_TYPE_PLAIN_0_0_4}
_OPENMETRICS: Final = {"Content-Type": openmetrics.CONTENT_TYPE_LATEST}


class _MalformedRequests(logging.Filter):
    """Drops what aiohttp logs of bytes that are no request, as an error with a traceback: port scanners send them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to pass the record."""
        return not (record.exc_info and isinstance(record.exc_info[1], BadHttpMessage))


_server_log: Final = logging.getLogger(__name__)
_server_log.addFilter(_MalformedRequests())


@asynccontextmanager
async def serve_http(
    host: str,
    port: int,
    registry: CollectorRegistry,
    waits_for: WaitsFor,
    resume: Resume | None = None,
    *,
    token: SecretStr | None = None,
    details: WaitsFor = list,
    listener: socket.socket | None = None,
) -> AsyncIterator[int]:
    """Serves until the context ends.

    Args:
        port: 0 for any free port.
        registry: for `/metrics` and `/metrics/prometheus`: in the text format, or in OpenMetrics if that is accepted.
        waits_for: for `/readyz`, which responds with 503 while it isn't empty.
        details: for `/readyz` too: what is wrong though the process does its work.
        resume: for `POST /lanes/{lane}/resume`; None: there is no such address.
        token: who resumes a lane must send it; None: nobody can.
        listener: a listening socket, in place of host and port.

    Yields:
        The port.

    Raises:
        UsageError: the server can't listen on this host and port.
    """
    app = web.Application()
    app.add_routes(_read_routes(registry, waits_for, details))
    if resume is not None:
        app.add_routes([resume_route(resume, token)])
    async with listen(app, host, port, listener) as listening_at:
        yield listening_at


@asynccontextmanager
async def listen(
    app: web.Application, host: str, port: int, listener: socket.socket | None = None
) -> AsyncIterator[int]:
    """Serves an application until the context ends; yields the port.

    Args:
        port: 0 for any free port.
        listener: a listening socket, in place of host and port.

    Raises:
        UsageError: the server can't listen on this host and port.
    """
    runner = web.AppRunner(app, access_log=None, logger=_server_log)
    await runner.setup()
    try:
        try:
            site = web.TCPSite(runner, host, port) if listener is None else web.SockSite(runner, listener)
            await site.start()
        except OSError as error:
            raise UsageError(f"HTTP_HOST={host!r}, HTTP_PORT={port}: can't listen there: {error.strerror}") from None
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _read_routes(registry: CollectorRegistry, waits_for: WaitsFor, details: WaitsFor) -> list[web.RouteDef]:
    async def metrics(request: web.Request) -> web.Response:
        return metrics_response(request, registry)

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        waiting, wrong = waits_for(), details()
        document = {"ready": not waiting, "waits_for": waiting} | ({"details": wrong} if wrong else {})
        return web.json_response(document, status=503 if waiting else 200)

    return [
        web.get("/metrics", metrics),
        web.get("/metrics/prometheus", metrics),
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
    ]


def metrics_response(request: web.Request, registry: CollectorRegistry) -> web.Response:
    """A registry's metrics in the text format, or in OpenMetrics if the request accepts that."""
    # The library's own negotiation fails on a version that is no number.
    if openmetrics_accepted(request.headers.get("Accept", "")):
        body: bytes = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]
        return web.Response(body=body, headers=_OPENMETRICS)
    return web.Response(body=generate_latest(registry), headers=_TEXT)


def openmetrics_accepted(accept: str) -> bool:
    """Whether a request's Accept asks for OpenMetrics, which has the exemplars; only then does it get them."""
    return any(each.partition(";")[0].strip().lower() == "application/openmetrics-text" for each in accept.split(","))


def resume_route(resume: Resume, token: SecretStr | None) -> web.RouteDef:
    """The address that resumes a paused lane, for whoever sends the token."""

    async def resume_lane(request: web.Request) -> web.Response:
        if (refused := refusal(request, token)) is not None:
            return refused
        name = request.match_info["lane"]
        if name not in set(Lane):
            return web.json_response({"error": f"lane={name!r}: allowed is {', '.join(Lane)}"}, status=404)
        resumed = resume(Lane(name))
        return web.json_response({"lane": name, "resumed": await resumed if inspect.isawaitable(resumed) else resumed})

    return web.post("/lanes/{lane}/resume", resume_lane)
