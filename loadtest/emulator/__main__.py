"""The emulator as a process: `python -m loadtest.emulator`."""

import asyncio
import json
import selectors
import signal
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from loadtest.emulator.server import Emulator
from loadtest.emulator.settings import EmulatorSettings, Fault, Speech


def main(
    *,
    host: Annotated[str, typer.Option(help="Address that both servers listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="gRPC port; 0 picks a free one.")] = 0,
    door_port: Annotated[int, typer.Option(help="Port of the HTTP control API; 0 picks a free one.")] = 0,
    settings: Annotated[Path | None, typer.Option(help="JSON file in the format of GET /settings.")] = None,
    faults: Annotated[Path | None, typer.Option(help="JSON file in the format of GET /faults.")] = None,
    voice: Annotated[
        Speech | None,
        typer.Option(help="Who speaks, in place of the settings' `speech`; neural needs requirements/neural.txt."),
    ] = None,
) -> None:
    """Emulate Google Cloud Text-to-Speech. Prints one line of JSON with its addresses when ready."""
    try:
        initial = EmulatorSettings.model_validate_json(settings.read_bytes()) if settings else EmulatorSettings()
        if voice is not None:
            initial = EmulatorSettings.model_validate({**initial.model_dump(), "speech": voice})
        initial_faults = TypeAdapter(list[Fault]).validate_json(faults.read_bytes()) if faults else []
    except (OSError, ValidationError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    emulator = Emulator(initial, faults=initial_faults, host=host, port=port, control_port=door_port)
    try:
        with asyncio.Runner(loop_factory=_punctual_loop) as runner:
            runner.run(_serve(emulator))
    except OSError as error:
        typer.echo(f"cannot listen: {error}", err=True)
        raise typer.Exit(1) from error


def _punctual_loop() -> asyncio.AbstractEventLoop:
    """Returns a loop that wakes up on time: select waits microseconds, asyncio's default epoll whole milliseconds."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


async def _serve(emulator: Emulator) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with emulator:
        typer.echo(json.dumps({"grpc": emulator.endpoint, "door": emulator.control_url}))
        await stop.wait()


if __name__ == "__main__":
    typer.run(main)
