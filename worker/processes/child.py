"""One of a parent's processes: the program that is started again under the same number, name and port."""

import asyncio
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from worker.processes.place import Place

_COMMAND: Final = (sys.executable, "-m", "worker", "run", "--place")
_BACKLOG: Final = 64


class Child:
    """A process that may be started again and again. Its port is the same for all of them.

    Args:
        number: from 1 on.
        environment: its variables.
        lifeline: the file descriptor of the pipe that ends with this process.
    """

    def __init__(self, number: int, environment: Mapping[str, str], lifeline: int) -> None:
        self.number = number
        self.runs = 0
        """How often it was started."""
        self._environment = environment
        self._lifeline = lifeline
        # Bound here and inherited, so that the port is known, and nobody takes it between two runs.
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """Of its HTTP server."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def pid(self) -> int | None:
        """Its process id; None while it doesn't run."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def run(self) -> int:
        """Starts it and waits for its end.

        Returns:
            Its exit code; below 0 the number of the signal that killed it.
        """
        place = Place(self.number, self._listener.fileno(), self._lifeline)
        self.runs += 1
        self._process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            str(place),
            env=dict(self._environment),
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=(place.listener, place.lifeline),
            # Ctrl-C reaches this process alone, which passes it on once.
            start_new_session=True,
        )
        return await self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal, if it runs."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def close(self) -> None:
        """Frees its port."""
        self._listener.close()
