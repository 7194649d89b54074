"""Graceful shutdown on SIGTERM and SIGINT: the first signal starts the drain, the second one ends the process.

The worker registers its intake's drain (`worker/kafka/consumer/intake.py`). The controller has nothing to drain: its
first signal cancels.
"""

import asyncio
import signal
from collections.abc import Callable
from typing import Final

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class ShutdownSignals:
    """Handles both signals for the task that creates it.

    The first signal calls the drain. The second signal cancels the task; so does the first one while no drain is
    registered.
    """

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self._requested = False
        self._drain: Callable[[], None] | None = None
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._handle)

    @property
    def requested(self) -> bool:
        """Whether a signal has arrived."""
        return self._requested

    def drain_with(self, drain: Callable[[], None]) -> None:
        """Registers what the first signal calls from now on; it must return at once."""
        self._drain = drain

    def cancel(self) -> None:
        """Cancels the task at once, as a second signal does."""
        self._requested = True
        if self._task is not None:
            self._task.cancel()

    def _handle(self) -> None:
        if self._drain is not None and not self._requested:
            self._drain()
        elif self._task is not None:
            self._task.cancel()
        self._requested = True
