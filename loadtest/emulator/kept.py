"""Bytes that are made once and kept: whoever asks while they are being made waits for the same ones."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable


class Kept:
    """At most `max_bytes` of what was made, the longest unused going first. Owns the tasks that make."""

    def __init__(self, max_bytes: int) -> None:
        """Start empty."""
        self._max_bytes = max_bytes
        self._made: dict[Hashable, bytes] = {}
        self._making: dict[Hashable, asyncio.Task[bytes]] = {}
        self._bytes = 0

    async def get(self, key: Hashable, make: Callable[[], Coroutine[None, None, bytes]]) -> bytes:
        """What `make` made for `key`, now or earlier; a failure is raised to all who wait, and not kept."""
        made = self._made.pop(key, None)
        if made is not None:
            self._made[key] = made
            return made
        task = self._making.get(key)
        if task is None:
            task = asyncio.create_task(self._make(key, make))
            self._making[key] = task
        # A caller that gives up doesn't take the others' audio with it.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Cancel what is being made."""
        tasks = list(self._making.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _make(self, key: Hashable, make: Callable[[], Coroutine[None, None, bytes]]) -> bytes:
        try:
            made = await make()
        finally:
            del self._making[key]
        self._made[key] = made
        self._bytes += len(made)
        while self._bytes > self._max_bytes:
            oldest = next(iter(self._made))
            self._bytes -= len(self._made.pop(oldest))
        return made
