"""Waits for what must happen, however long a busy machine takes for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

HANG_S: Final = 60.0
"""What has not happened by then never will."""


async def until(holds: Callable[[], object]) -> None:
    """Waits until something is so, and looks after each turn of the event loop.

    Raises:
        TimeoutError: it is not so after a minute, of which a `LoopClock` skips nothing.
    """
    end_s = time.monotonic() + HANG_S
    while not holds():
        if time.monotonic() > end_s:
            raise TimeoutError
        await asyncio.sleep(0)
