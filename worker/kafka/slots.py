"""The slots of the bounded pool: how many jobs may be worked on at once."""

import asyncio


class Slots:
    """A counter that can be waited for; `size` slots in all."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._changed = asyncio.Event()

    @property
    def free(self) -> int:
        """How many slots are free now."""
        return self._free

    def take(self) -> None:
        """Takes a free slot.

        Raises:
            ValueError: none is free.
        """
        if self._free == 0:
            raise ValueError("no slot is free")
        self._free -= 1

    def give_back(self) -> None:
        """Gives a slot back and wakes who waits for one."""
        self._free += 1
        self._changed.set()

    async def wait_free(self) -> None:
        """Waits until a slot is free."""
        while self._free == 0:
            self._changed.clear()
            await self._changed.wait()
