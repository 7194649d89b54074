"""The HTTP server: `/metrics`, liveness (`/healthz`), readiness (`/readyz`), and resuming a paused lane."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from schemas.enums import Lane
from schemas.errors import UsageError

WaitsFor = Callable[[], list[str]]
"""Returns what the process waits for before it does its work, a line each; empty when it is ready."""

Resume = Callable[[Lane], bool]
"""Resumes a paused lane; returns whether it was paused."""

_METRICS_HEADERS: Final = {"Content-Type": CONTENT_TYPE_PLAIN_0_0_4}


@asynccontextmanager
async def serve_http(
    host: str, port: int, registry: CollectorRegistry, waits_for: WaitsFor, resume: Resume | None = None
) -> AsyncIterator[int]:
    """Serves until the context ends.

    Args:
        port: 0 for any free port.
        registry: for `/metrics` and `/metrics/prometheus`.
        waits_for: for `/readyz`, which responds with 503 while it isn't empty.
        resume: for `POST /lanes/{lane}/resume`; None: there is no such address.

    Yields:
        The port.

    Raises:
        UsageError: the server can't listen on this host and port.
    """
    app = web.Application()
    app.add_routes(_read_routes(registry, waits_for))
    if resume is not None:
        app.add_routes([_resume_route(resume)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise UsageError(f"HTTP_HOST={host!r}, HTTP_PORT={port}: can't listen there: {error.strerror}") from None
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _read_routes(registry: CollectorRegistry, waits_for: WaitsFor) -> list[web.RouteDef]:
    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers=_METRICS_HEADERS)

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        waiting = waits_for()
        return web.json_response({"ready": not waiting, "waits_for": waiting}, status=503 if waiting else 200)

    return [
        web.get("/metrics", metrics),
        web.get("/metrics/prometheus", metrics),
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
    ]


def _resume_route(resume: Resume) -> web.RouteDef:
    async def resume_lane(request: web.Request) -> web.Response:
        name = request.match_info["lane"]
        if name not in set(Lane):
            return web.json_response({"error": f"lane={name!r}: allowed is {', '.join(Lane)}"}, status=404)
        return web.json_response({"lane": name, "resumed": resume(Lane(name))})

    return web.post("/lanes/{lane}/resume", resume_lane)
