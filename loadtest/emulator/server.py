"""The emulator: its gRPC server, its HTTP control API, and the state that they share."""

import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

import grpc
from aiohttp import web

from loadtest.emulator.calls import CallCounts, Calls, LoggedCall
from loadtest.emulator.control_api import control_app
from loadtest.emulator.engines.choice import Engines
from loadtest.emulator.engines.neural import VOICES_FOLDER
from loadtest.emulator.faults import Faults
from loadtest.emulator.quota import Quota
from loadtest.emulator.service import Service
from loadtest.emulator.settings import EmulatorSettings, Fault
from loadtest.emulator.synthesizer import Synthesizer

_CONTROL_GRACE_S = 0.5


class PortTakenError(OSError):
    """The gRPC port is in use."""


class Emulator:
    """Emulates Google Cloud Text-to-Speech on loopback; `async with` starts and stops it.

    Port 0 is a free port, known once the emulator has started. Neural voices keep their takes in `voices_folder`.
    """

    def __init__(
        self,
        settings: EmulatorSettings | None = None,
        *,
        faults: Iterable[Fault] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        control_port: int = 0,
        encoder_threads: int = 2,
        voices_folder: Path = VOICES_FOLDER,
    ) -> None:
        settings = settings or EmulatorSettings()
        self._host, self._port, self._control_port = host, port, control_port
        self._encoder_threads = encoder_threads
        self._voices_folder = voices_folder
        self._initial_faults = list(faults)
        self._random = Random(settings.seed)
        self._faults = Faults(time.monotonic, self._random)
        self._calls = Calls()
        self._settings = settings
        self.endpoint = ""
        """host:port of the gRPC server."""
        self.control_url = ""
        """http://host:port of the control API."""

    async def __aenter__(self) -> Self:
        """Starts both servers.

        Raises:
            PortTakenError: the gRPC port is in use.
            OSError: the port of the control API is in use.
        """
        self._synthesizer = Synthesizer(self._settings.seed, self._encoder_threads, Engines(self._voices_folder))
        self._service = Service(
            self._settings,
            faults=self._faults,
            quota=Quota(),
            calls=self._calls,
            synthesizer=self._synthesizer,
            random=self._random,
        )
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._synthesizer.close)
            # Otherwise two emulators could share a port, and each would get half of the calls.
            server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
            server.add_generic_rpc_handlers((self._service.handler(),))
            try:
                port = server.add_insecure_port(f"{self._host}:{self._port}")
            except RuntimeError as error:
                raise PortTakenError(f"{self._host}:{self._port} is in use") from error
            runner = web.AppRunner(control_app(self), shutdown_timeout=_CONTROL_GRACE_S, access_log=None)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, self._host, self._control_port).start()
            self._faults.replace(self._initial_faults)
            await server.start()
            # No grace: calls in flight, including hanging ones, are cancelled at once.
            stack.push_async_callback(server.stop, None)
            self.endpoint = f"{self._host}:{port}"
            self.control_url = f"http://{self._host}:{runner.addresses[0][1]}"
            self._running = stack.pop_all()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Stops both at once."""
        await self._running.aclose()

    @property
    def settings(self) -> EmulatorSettings:
        """The current settings."""
        return self._settings

    def change_settings(self, changes: dict[str, Any]) -> None:
        """Changes the named settings and keeps the others. Calls that have arrived keep the old ones.

        Raises:
            pydantic.ValidationError: nothing was changed.
        """
        # The body of an HTTP request may be no dict; then the validation refuses it.
        merged = {**self._settings.model_dump(), **changes} if isinstance(changes, dict) else changes
        settings = EmulatorSettings.model_validate(merged)
        if settings.seed != self._settings.seed:
            self._random.seed(settings.seed)
            self._synthesizer.reseed(settings.seed)
        self._settings = self._service.settings = settings

    @property
    def faults(self) -> list[Fault]:
        """The active faults, in order."""
        return self._faults.faults

    def set_faults(self, faults: Iterable[Fault]) -> None:
        """Replaces the active faults."""
        self._faults.replace(faults)

    def add_faults(self, faults: Iterable[Fault]) -> None:
        """Adds faults after the active ones."""
        self._faults.append(faults)

    @property
    def calls(self) -> CallCounts:
        """The current counts."""
        return self._calls.counts()

    def clear_calls(self) -> None:
        """Resets the counts."""
        self._calls.clear()

    def voice_figures(self) -> dict[str, dict[str, float]]:
        """Returns what the neural models did."""
        return self._synthesizer.figures()

    def call_log(self, last: int) -> list[LoggedCall]:
        """Returns the last finished calls, oldest first."""
        return self._calls.log(last)
