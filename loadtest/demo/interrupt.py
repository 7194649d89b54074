"""Handles Ctrl-C and SIGTERM: stops everything once, in order, and exits with the status that a shell expects."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any, Final, TypeVar

_Result = TypeVar("_Result")
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_BY_SIGNAL: Final = 128
"""What a shell adds to a signal's number to make an exit status."""


class Stopped(BaseException):
    """Somebody asked for the end; no `Exception`, so that nobody handles it on its way out."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Stopping:
    """Takes the signals over: the first one raises `Stopped` where it arrives, further ones change nothing."""

    def __init__(self) -> None:
        self._code: int | None = None
        self._holding = False
        self._cancel: Callable[[], object] | None = None
        for number in _SIGNALS:
            signal.signal(number, self._arrived)

    def run(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        """As `asyncio.run`; a signal cancels the coroutine, so that it closes what it opened.

        Raises:
            Stopped: a signal arrived.
        """
        try:
            result = asyncio.run(self._cancellable(coroutine))
        except asyncio.CancelledError:
            self.check()
            raise
        self.check()
        return result

    def hold(self) -> None:
        """From now on a signal interrupts nothing: what runs is being stopped already."""
        self._holding = True

    def check(self) -> None:
        """Raises what was held back.

        Raises:
            Stopped: a signal arrived.
        """
        if self._code is not None:
            raise Stopped(self._code)

    async def _cancellable(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(coroutine)
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        try:
            return await task
        finally:
            self._cancel = None

    def _arrived(self, number: int, _frame: FrameType | None) -> None:
        if self._code is not None:
            return
        self._code = _BY_SIGNAL + number
        if self._holding:
            return
        if self._cancel is None:
            raise Stopped(self._code)
        self._cancel()


def run_command(load: Callable[[], Callable[..., object]], name: str) -> None:
    """Runs a demo's command; Ctrl-C at any time ends it without a traceback.

    Args:
        load: imports the command. The libraries take a second, and Ctrl-C has to work in it.
        name: of the program.
    """
    stopping = Stopping()
    try:
        load()(obj=stopping, prog_name=name)
    except Stopped as stopped:
        print("stopped; nothing is left running", file=sys.stderr)
        sys.exit(stopped.code)
