"""Slots of the bounded pool: limit concurrent jobs, and reserve slots for dialogue."""

import asyncio

from schemas.enums import Lane


class Slots:
    """A semaphore of `size` slots that may be overdrawn."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._changed = asyncio.Event()

    @property
    def free(self) -> int:
        """The number of free slots; below 0 while the pool is overdrawn."""
        return self._free

    def take(self) -> None:
        """Takes a slot even if none is free: a received record must be handled. No more are read until one is free."""
        self._free -= 1

    def give_back(self) -> None:
        """Gives a slot back and wakes the waiters."""
        self._free += 1
        self._changed.set()

    async def wait_free(self) -> None:
        """Waits until a slot is free."""
        while self._free <= 0:
            self._changed.clear()
            await self._changed.wait()


class LaneSlots:
    """The pool's slots by lane: batch gets the slots that dialogue doesn't need.

    Args:
        size: the slots of both lanes.
        reserved: the slots that batch can't take. Batch may always take one, whatever is reserved.
    """

    def __init__(self, size: int, reserved: int) -> None:
        self._free = size
        self._batch = max(1, size - reserved)
        self._changed = asyncio.Event()
        self._dialogue_waiting = 0
        self.more_dialogue = False
        """Whether dialogue records may be unread because no slot was free."""

    @property
    def dialogue_waits(self) -> bool:
        """Whether the next free slots are reserved for dialogue."""
        return self.more_dialogue or self._dialogue_waiting > 0

    def free(self, lane: Lane) -> int:
        """The number of jobs of a lane that may begin now."""
        if lane is Lane.DIALOGUE:
            return self._free
        return 0 if self.dialogue_waits else min(self._free, self._batch)

    def take(self, lane: Lane) -> bool:
        """Takes a slot if a lane's job may begin now; otherwise returns False."""
        if self.free(lane) <= 0:
            return False
        self._free -= 1
        if lane is Lane.BATCH:
            self._batch -= 1
        return True

    def give_back(self, lane: Lane) -> None:
        """Gives a slot back and wakes the waiters."""
        self._free += 1
        if lane is Lane.BATCH:
            self._batch += 1
        self.wake()

    def wake(self) -> None:
        """Makes all waiters check again for a free slot."""
        self._changed.set()

    async def wait_free(self, lane: Lane) -> None:
        """Waits until a job of a lane may begin."""
        while self.free(lane) <= 0:
            self._changed.clear()
            await self._changed.wait()

    async def wait_and_take(self, lane: Lane) -> None:
        """Takes a slot as soon as a lane's job may begin. A waiting dialogue job goes before all batch jobs."""
        waits = lane is Lane.DIALOGUE
        self._dialogue_waiting += waits
        try:
            await self.wait_free(lane)
        finally:
            self._dialogue_waiting -= waits
            self.wake()
        self.take(lane)


class Slot:
    """One job's slot, taken at once if its lane has a free one. Giving it back is idempotent."""

    def __init__(self, slots: LaneSlots, lane: Lane) -> None:
        self._slots = slots
        self._lane = lane
        self._held = slots.take(lane)

    async def hold(self) -> None:
        """Waits for a slot, unless the job already holds one."""
        if not self._held:
            await self._slots.wait_and_take(self._lane)
            self._held = True

    def give_back(self) -> None:
        """Gives the slot back, if it is held."""
        if self._held:
            self._held = False
            self._slots.give_back(self._lane)
