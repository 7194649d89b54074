"""Memory budget: what large pieces of work may hold in memory together. Those that don't fit wait, in order."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

WITHOUT_LIMIT_MB: Final = 1024
"""The budget where the container has no memory limit, in MiB."""

_SHARE_OF_LIMIT: Final = 0.5
# cgroup v2, then v1. A limit that is none is the word `max`, or a number above any machine's memory.
_LIMIT_FILES: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_NO_LIMIT: Final = 2**50


def default_budget_mb(files: tuple[Path, ...] = _LIMIT_FILES) -> int:
    """Half of the container's memory limit in MiB, or 1,024 where there is none; the rest is for all other work.

    Args:
        files: where the kernel says the limit of this process's control group.
    """
    for file in files:
        try:
            limit = int(file.read_text())
        except (OSError, ValueError):
            continue
        if limit < _NO_LIMIT:
            return max(1, int(limit * _SHARE_OF_LIMIT) // 2**20)
    return WITHOUT_LIMIT_MB


class MemoryBudget:
    """Bytes that may be held together. What is larger than the whole budget is held alone.

    Args:
        size: in bytes.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._held = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def held(self) -> int:
        """The bytes that are held now."""
        return self._held

    def has_room(self, size: int) -> bool:
        """Whether so many bytes could be held at once, without a wait."""
        return not self._waiting and self._fits(size)

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Holds bytes inside of the context; waits for them first, behind those that wait already."""
        if self.has_room(size):
            self._held += size
        else:
            await self._wait(size)
        try:
            yield
        finally:
            self._held -= size
            self._grant()

    async def _wait(self, size: int) -> None:
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (size, granted)
        self._waiting.append(entry)
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                # It was granted in the same moment.
                self._held -= size
            else:
                self._waiting.remove(entry)
            self._grant()
            raise

    def _fits(self, size: int) -> bool:
        return self._held + size <= self._size or self._held == 0

    def _grant(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            size, granted = self._waiting.popleft()
            self._held += size
            granted.set_result(None)
