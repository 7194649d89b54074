"""The command that serves the HTTP API and the console: `serve`."""

import asyncio

import typer

from worker.cli.exit_codes import ExitCode
from worker.config.settings import load_settings
from worker.observability.logs import configure_logs


def serve() -> None:
    """Serve the HTTP API at /v1 and the console at /, in one process; SIGTERM and Ctrl-C stop it."""
    from worker.app.http_api_app import run_http_api
    from worker.app.tracing import log_processors

    settings = load_settings()
    configure_logs(settings.worker.log_level, *log_processors(settings))
    try:
        asyncio.run(run_http_api(settings))
    except asyncio.CancelledError:
        # Stopped before it listened, or stopped twice.
        raise typer.Exit(ExitCode.TERMINATED) from None
