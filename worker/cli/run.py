"""The command that runs the worker: `run`."""

import asyncio

import typer

from worker.cli.exit_codes import ExitCode
from worker.config.settings import load_settings
from worker.observability.logs import configure_logs


def run() -> None:
    """Take jobs, speak them, store the audio, publish completions; SIGTERM and Ctrl-C drain the worker."""
    from worker.app.tracing import log_processors
    from worker.app.worker_app import run_worker

    settings = load_settings()
    configure_logs(settings.worker.log_level, *log_processors(settings))
    try:
        asyncio.run(run_worker(settings))
    except asyncio.CancelledError:
        # Stopped before it took jobs, or stopped twice.
        raise typer.Exit(ExitCode.TERMINATED) from None
