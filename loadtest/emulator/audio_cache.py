"""A cache of audio with single flight: callers that ask for a clip while it is made share one task."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Hashable


class AudioCache:
    """Holds at most `max_bytes` and evicts the least recently used clip first. Owns the tasks that make clips."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._clips: dict[Hashable, bytes] = {}
        self._tasks: dict[Hashable, asyncio.Task[bytes]] = {}
        self._waiting: Counter[asyncio.Task[bytes]] = Counter()
        self._bytes = 0

    async def get(self, key: Hashable, make: Callable[[], Coroutine[None, None, bytes]]) -> bytes:
        """Returns the clip for `key`, made now or earlier. All waiting callers get a failure; it isn't cached.

        The task is cancelled with the last caller that waits for it.
        """
        clip = self._clips.pop(key, None)
        if clip is not None:
            self._clips[key] = clip
            return clip
        task = self._tasks.get(key)
        if task is None or task.cancelling():
            task = asyncio.create_task(self._make(key, make))
            self._tasks[key] = task
        self._waiting[task] += 1
        try:
            # A caller that is cancelled must not cancel the task that others wait for.
            return await asyncio.shield(task)
        finally:
            self._waiting[task] -= 1
            if not self._waiting[task]:
                del self._waiting[task]
                task.cancel()

    async def close(self) -> None:
        """Cancels the running tasks."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _make(self, key: Hashable, make: Callable[[], Coroutine[None, None, bytes]]) -> bytes:
        try:
            clip = await make()
        finally:
            if self._tasks.get(key) is asyncio.current_task():
                del self._tasks[key]
        self._clips[key] = clip
        self._bytes += len(clip)
        while self._bytes > self._max_bytes:
            oldest = next(iter(self._clips))
            self._bytes -= len(self._clips.pop(oldest))
        return clip
