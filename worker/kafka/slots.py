"""The slots of the bounded pool: how many jobs may be worked on at once."""

import asyncio


class Slots:
    """A counter that can be waited for; `size` slots in all."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._changed = asyncio.Event()

    @property
    def free(self) -> int:
        """How many slots are free now; below 0 while more jobs hold one than there are."""
        return self._free

    def take(self) -> None:
        """Takes a slot, free or not: what is here already is worked on, and no more is asked for until one is free."""
        self._free -= 1

    def give_back(self) -> None:
        """Gives a slot back and wakes who waits for one."""
        self._free += 1
        self._changed.set()

    async def wait_free(self) -> None:
        """Waits until a slot is free."""
        while self._free <= 0:
            self._changed.clear()
            await self._changed.wait()


class Slot:
    """One job's hold on a slot; giving back twice is giving back once."""

    def __init__(self, slots: Slots) -> None:
        slots.take()
        self._slots = slots
        self._held = True

    def give_back(self) -> None:
        """Gives the slot back, if it is held."""
        if self._held:
            self._held = False
            self._slots.give_back()

    async def take_again(self) -> None:
        """Waits for a free slot and takes it."""
        await self._slots.wait_free()
        self._slots.take()
        self._held = True
