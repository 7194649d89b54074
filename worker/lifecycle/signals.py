"""SIGTERM and SIGINT: the first drains, or ends a start; the second ends at once."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_STOP_S: Final = 3.0
_log = structlog.get_logger(__name__)


class ShutdownSignals:
    """Takes the signals over for the running task; until `drain` is set there is nothing to drain."""

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self._asked = False
        self.drain: Callable[[], None] | None = None
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._arrived)

    @property
    def is_asked(self) -> bool:
        """Whether a signal has come."""
        return self._asked

    def _arrived(self) -> None:
        if self.drain is not None and not self._asked:
            self.drain()
        elif self._task is not None:
            self._task.cancel()
        self._asked = True


async def stop_in_time(name: str, stop: Callable[[], Awaitable[object]]) -> None:
    """Stops a client that may wait for ever for a broker that is gone, or cancel whoever stops it."""
    try:
        async with asyncio.timeout(_STOP_S):
            await stop()
    except asyncio.CancelledError:
        # An aiokafka consumer whose broker is gone raises its own fetch's cancellation out of its stop: whoever stops
        # it would end without a word, as if asked to.
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        _log.warning("stop_cancelled_itself", client=name)
    except TimeoutError:
        _log.warning("stop_timed_out", client=name, seconds=_STOP_S)
