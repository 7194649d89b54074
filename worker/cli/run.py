"""The command that runs the worker: `run`."""

import asyncio
import re
from typing import Annotated, Final

import structlog
import typer

from schemas.errors import UsageError
from worker.cli.exit_codes import ExitCode
from worker.config.settings import Settings, load_settings
from worker.observability.logs import configure_logs

_AUTO: Final = "auto"
_MOST: Final = 256


def run(
    processes: Annotated[
        str,
        typer.Option(metavar="N|auto", help="Processes under one parent, each a whole worker; auto: one for each CPU."),
    ] = "1",
    place: Annotated[str | None, typer.Option(hidden=True, help="What a parent gives each of its processes.")] = None,
) -> None:
    """Take jobs, speak them, store the audio, publish completions; SIGTERM and Ctrl-C drain the worker."""
    settings = load_settings()
    count = parse_processes(processes)
    try:
        if place is not None:
            _run_one(settings, place)
        elif count == 1:
            _run_one(settings, None)
        elif (code := _run_several(settings, count)) != ExitCode.DONE:
            raise typer.Exit(code)
    except asyncio.CancelledError:
        # Stopped before it took jobs, or stopped twice.
        raise typer.Exit(ExitCode.TERMINATED) from None


def parse_processes(written: str) -> int:
    """How many processes an option asks for.

    Raises:
        UsageError: it is neither a whole number from 1 to 256 nor `auto`.
    """
    from worker.lifecycle.cpus import usable_cpus

    if written == _AUTO:
        return min(_MOST, usable_cpus())
    if not re.fullmatch(r"[0-9]{1,3}", written) or not 1 <= int(written) <= _MOST:
        raise UsageError(f"--processes={written!r}: allowed is a whole number from 1 to {_MOST}, or {_AUTO}")
    return int(written)


def _run_one(settings: Settings, written_place: str | None) -> None:
    import uvloop

    from worker.app.tracing import log_processors
    from worker.app.worker_app import run_worker
    from worker.processes.place import Place

    place = None if written_place is None else Place.parse(written_place)
    numbered = [] if place is None else [_add_number(place.number)]
    configure_logs(settings.worker.log_level, *log_processors(settings), *numbered)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_worker(settings, place))


def _run_several(settings: Settings, count: int) -> int:
    from worker.app.processes_app import run_processes

    configure_logs(settings.worker.log_level)
    return asyncio.run(run_processes(settings, count))


def _add_number(number: int) -> structlog.typing.Processor:
    def add(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["process"] = number
        return event

    return add
