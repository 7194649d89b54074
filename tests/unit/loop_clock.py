"""The event loop's clock, moved on by a test: a deadline passes when the test says, however slow the machine is."""

from __future__ import annotations

import asyncio

NEVER_S = 3600.0
"""A deadline that passes in no test by itself."""


class LoopClock:
    """Moves the clock of the running event loop on: `asyncio.timeout`, `wait_for`, `sleep` and aiohttp follow it."""

    def __init__(self) -> None:
        self._skipped_s = 0.0
        loop = asyncio.get_running_loop()
        real = loop.time
        loop.time = lambda: real() + self._skipped_s  # type: ignore[method-assign]

    def skip(self, seconds: float) -> None:
        """Passes all deadlines that lie less than so many seconds ahead, as soon as the loop runs on."""
        self._skipped_s += seconds
