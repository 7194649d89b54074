"""The HTTP server: metrics, health and readiness."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from schemas.errors import UsageError
from schemas.words import Lane

WaitsFor = Callable[[], list[str]]
"""What the worker waits for before it takes jobs; empty when it is ready."""

Resume = Callable[[Lane], bool]
"""Takes from a lane that pauses again; whether it paused."""


@asynccontextmanager
async def serve_http(
    host: str, port: int, registry: CollectorRegistry, waits_for: WaitsFor, resume: Resume | None = None
) -> AsyncIterator[int]:
    """Serves until the context ends.

    Args:
        host: the address to listen at.
        port: the port; 0 for a free one.
        registry: what `/metrics` and `/metrics/prometheus` show.
        waits_for: what `/readyz` shows; 503 while it isn't empty.
        resume: what `POST /lanes/{lane}/resume` does; without, there is no such address.

    Yields:
        The port.

    Raises:
        UsageError: the address can't be listened at.
    """

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def ready(_: web.Request) -> web.Response:
        waiting = waits_for()
        return web.json_response({"ready": not waiting, "waits_for": waiting}, status=503 if waiting else 200)

    async def resume_lane(request: web.Request, resume: Resume) -> web.Response:
        name = request.match_info["lane"]
        if name not in set(Lane):
            allowed = ", ".join(Lane)
            return web.json_response({"error": f"lane={name!r}: allowed is {allowed}"}, status=404)
        return web.json_response({"lane": name, "resumed": resume(Lane(name))})

    app = web.Application()
    app.add_routes(
        [
            web.get("/metrics", metrics),
            web.get("/metrics/prometheus", metrics),
            web.get("/healthz", health),
            web.get("/readyz", ready),
        ]
    )
    if resume is not None:
        app.add_routes([web.post("/lanes/{lane}/resume", partial(resume_lane, resume=resume))])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise UsageError(f"HTTP_HOST={host!r}, HTTP_PORT={port}: can't listen there: {error.strerror}") from None
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
