"""The slots of the bounded pool: how many jobs may be worked on at once, and which lane gets the next."""

import asyncio

from schemas.words import Lane


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


class LaneSlots:
    """The pool's slots by lane: batch takes what dialogue leaves over.

    Args:
        size: slots in all.
        reserved: so many of them batch can't take; one it always may.
    """

    def __init__(self, size: int, reserved: int) -> None:
        self._free = size
        self._batch = max(1, size - reserved)
        self._changed = asyncio.Event()
        self._dialogue_waiting = 0
        self.more_dialogue = False
        """Whether dialogue jobs may be there that nobody has taken for want of a slot."""

    @property
    def dialogue_waits(self) -> bool:
        """Whether each slot that gets free is dialogue's."""
        return self.more_dialogue or self._dialogue_waiting > 0

    def free(self, lane: Lane) -> int:
        """How many jobs of a lane may begin now."""
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
        """Gives a slot back and wakes who waits for one."""
        self._free += 1
        if lane is Lane.BATCH:
            self._batch += 1
        self.wake()

    def wake(self) -> None:
        """Lets those who wait look again."""
        self._changed.set()

    async def wait_free(self, lane: Lane) -> None:
        """Waits until a job of a lane may begin."""
        while self.free(lane) <= 0:
            self._changed.clear()
            await self._changed.wait()

    async def wait_and_take(self, lane: Lane) -> None:
        """Takes a slot as soon as a lane's job may begin; a dialogue job that waits here goes before all batch jobs."""
        waits = lane is Lane.DIALOGUE
        self._dialogue_waiting += waits
        try:
            await self.wait_free(lane)
        finally:
            self._dialogue_waiting -= waits
            self.wake()
        self.take(lane)


class Slot:
    """One job's hold on a slot of its lane, if one is free; giving back twice is giving back once."""

    def __init__(self, slots: LaneSlots, lane: Lane) -> None:
        self._slots = slots
        self._lane = lane
        self._held = slots.take(lane)

    async def hold(self) -> None:
        """Waits for a slot, unless the job has one."""
        if not self._held:
            await self._slots.wait_and_take(self._lane)
            self._held = True

    def give_back(self) -> None:
        """Gives the slot back, if it is held."""
        if self._held:
            self._held = False
            self._slots.give_back(self._lane)
