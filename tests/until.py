"""Waits for what must happen, however slow the machine is: only a hang reaches the limit."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

HANG_S: Final = 120.0
"""What has not happened by then never will."""
_EVERY_S: Final = 0.05
T = TypeVar("T")


async def until(find: Callable[[], T | Awaitable[T]], timeout_s: float = HANG_S) -> T:
    """Calls `find` again and again; returns its first result that is true.

    Raises:
        TimeoutError: there is none within `timeout_s`.
    """
    async with asyncio.timeout(timeout_s):
        while True:
            found = find()
            result = await found if inspect.isawaitable(found) else found
            if result:
                return result
            await asyncio.sleep(_EVERY_S)


async def loop_until(holds: Callable[[], object]) -> None:
    """Waits for what tasks of the same event loop do, and looks after each of its turns.

    Raises:
        TimeoutError: it is not so within `HANG_S`, of which a `LoopClock` skips nothing.
    """
    end_s = time.monotonic() + HANG_S
    while not holds():
        if time.monotonic() > end_s:
            raise TimeoutError
        await asyncio.sleep(0)
