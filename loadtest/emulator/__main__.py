"""The emulator as a process: `python -m loadtest.emulator`."""

from __future__ import annotations

import asyncio
import json
import selectors
import signal
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from loadtest.emulator.server import Emulator
from loadtest.emulator.settings import EmulatorSettings, Fault


def main(
    host: Annotated[str, typer.Option(help="Where both servers listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="gRPC; 0 is a free port.")] = 0,
    door_port: Annotated[int, typer.Option(help="HTTP; 0 is a free port.")] = 0,
    settings: Annotated[Path | None, typer.Option(help="JSON, as of GET /settings.")] = None,
    faults: Annotated[Path | None, typer.Option(help="A JSON list, as of GET /faults.")] = None,
) -> None:
    """Speak as Google Cloud Text-to-Speech; prints one line of JSON with the addresses when ready."""
    try:
        initial = EmulatorSettings.model_validate_json(settings.read_bytes()) if settings else EmulatorSettings()
        initial_faults = TypeAdapter(list[Fault]).validate_json(faults.read_bytes()) if faults else []
    except (OSError, ValidationError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    emulator = Emulator(initial, faults=initial_faults, host=host, port=port, door_port=door_port)
    try:
        with asyncio.Runner(loop_factory=_punctual_loop) as runner:
            runner.run(_serve(emulator))
    except OSError as error:
        typer.echo(f"can't listen: {error}", err=True)
        raise typer.Exit(1) from error


def _punctual_loop() -> asyncio.AbstractEventLoop:
    """A loop whose answers aren't late: epoll, asyncio's own choice, waits whole milliseconds, select microseconds."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


async def _serve(emulator: Emulator) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with emulator:
        typer.echo(json.dumps({"grpc": emulator.endpoint, "door": emulator.door_url}))
        await stop.wait()


if __name__ == "__main__":
    typer.run(main)
