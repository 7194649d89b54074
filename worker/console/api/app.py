"""The HTTP API's application: its routes, its errors, and what every request passes."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from worker import __version__
from worker.console.api import audio, events, feedback, lines, takes
from worker.console.api.crashes import AnswerCrashes
from worker.console.api.openapi import describe
from worker.console.api.parts import ApiParts
from worker.console.api.problems import add_problem_handlers

_ROUTERS: Final = (lines.router, audio.router, takes.router, events.router, feedback.router)
_DESCRIPTION: Final = "Lines in, voices out, over HTTP: see docs/http.md. Errors are problem documents (RFC 9457)."


def create_app(parts: ApiParts) -> FastAPI:
    """The application with its parts."""
    app = describe_app()
    app.state.parts = parts
    if parts.settings.http_api.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=sorted(parts.settings.http_api.cors_origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
            expose_headers=["Location", "Retry-After"],
        )
    app.add_middleware(AnswerCrashes)
    return app


def describe_app() -> FastAPI:
    """The application without parts: enough for its OpenAPI document."""
    # The pages that show the document load scripts from other hosts.
    app = FastAPI(
        title="chirp-worker",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    for router in _ROUTERS:
        app.include_router(router)
    add_problem_handlers(app)
    document = describe(app)

    @app.get("/v1/openapi.json", operation_id="openapi", include_in_schema=False)
    async def openapi() -> dict[str, Any]:
        return document

    return app
