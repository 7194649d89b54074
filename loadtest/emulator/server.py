"""The emulator as a whole: its gRPC server, its HTTP door, and all that they share."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from random import Random
from typing import TYPE_CHECKING, Any, Self

import grpc
from aiohttp import web

from loadtest.emulator.calls import CallCounts, Calls, LoggedCall
from loadtest.emulator.door import door
from loadtest.emulator.faults import Faults
from loadtest.emulator.quota import Quota
from loadtest.emulator.service import Service
from loadtest.emulator.settings import EmulatorSettings, Fault
from loadtest.emulator.studio import Studio

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

_DOOR_GRACE_S = 0.5


class PortTakenError(OSError):
    """The gRPC port asked for can't be had."""


class Emulator:
    """Google Cloud Text-to-Speech on loopback; `async with` starts and stops it."""

    def __init__(
        self,
        settings: EmulatorSettings | None = None,
        *,
        faults: Iterable[Fault] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        door_port: int = 0,
        encoder_threads: int = 2,
    ) -> None:
        """Port 0 is a free one, known as soon as the emulator has started."""
        settings = settings or EmulatorSettings()
        self._host, self._port, self._door_port = host, port, door_port
        self._encoder_threads = encoder_threads
        self._initial_faults = list(faults)
        self._random = Random(settings.seed)
        self._faults = Faults(time.monotonic, self._random)
        self._calls = Calls()
        self._settings = settings
        self.endpoint = ""
        """host:port of the gRPC server."""
        self.door_url = ""
        """http://host:port of the door."""

    async def __aenter__(self) -> Self:
        """Start both servers.

        Raises:
            PortTakenError: the gRPC port is in use.
            OSError: the door's port is in use.
        """
        # Chirp's own Random, so that its variation depends on no faults and latencies that were drawn.
        self._studio = Studio(Random(self._settings.seed), self._encoder_threads)
        self._service = Service(
            self._settings,
            faults=self._faults,
            quota=Quota(),
            calls=self._calls,
            studio=self._studio,
            random=self._random,
        )
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._studio.close)
            # Without this two emulators could share a port, and each would see half of the calls.
            server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
            server.add_generic_rpc_handlers((self._service.handler(),))
            try:
                port = server.add_insecure_port(f"{self._host}:{self._port}")
            except RuntimeError as error:
                raise PortTakenError(f"{self._host}:{self._port} can't be had") from error
            runner = web.AppRunner(door(self), shutdown_timeout=_DOOR_GRACE_S, access_log=None)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, self._host, self._door_port).start()
            self._faults.replace(self._initial_faults)
            await server.start()
            # No grace: calls in flight, hanging ones too, are cancelled at once.
            stack.push_async_callback(server.stop, None)
            self.endpoint = f"{self._host}:{port}"
            self.door_url = f"http://{self._host}:{runner.addresses[0][1]}"
            self._running = stack.pop_all()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Stop at once."""
        await self._running.aclose()

    @property
    def settings(self) -> EmulatorSettings:
        """The settings in force."""
        return self._settings

    def change_settings(self, changes: dict[str, Any]) -> None:
        """Change the named settings and keep the others; calls that have arrived keep the old ones.

        Raises:
            pydantic.ValidationError: nothing was changed.
        """
        # What came through the door may be no dict at all; the validation says so.
        merged = {**self._settings.model_dump(), **changes} if isinstance(changes, dict) else changes
        settings = EmulatorSettings.model_validate(merged)
        if settings.seed != self._settings.seed:
            self._random.seed(settings.seed)
            self._studio.reseed(settings.seed)
        self._settings = self._service.settings = settings

    @property
    def faults(self) -> list[Fault]:
        """The faults in force, in their order."""
        return self._faults.faults

    def set_faults(self, faults: Iterable[Fault]) -> None:
        """Put these in the place of the faults in force."""
        self._faults.replace(faults)

    def add_faults(self, faults: Iterable[Fault]) -> None:
        """Put these behind the faults in force."""
        self._faults.append(faults)

    @property
    def calls(self) -> CallCounts:
        """A snapshot of the counts."""
        return self._calls.counts()

    def clear_calls(self) -> None:
        """Count from zero again."""
        self._calls.clear()

    def call_log(self, last: int) -> list[LoggedCall]:
        """The last finished calls, the oldest first."""
        return self._calls.log(last)
