"""The slots of the bounded pool."""

from __future__ import annotations

import asyncio

import pytest

from worker.kafka.slots import Slot, Slots


async def test_a_slot_that_is_given_back_wakes_who_waits() -> None:
    slots = Slots(1)
    slots.take()
    waiting = asyncio.create_task(slots.wait_free())
    await asyncio.sleep(0)
    assert not waiting.done()
    slots.give_back()
    await asyncio.wait_for(waiting, 1)
    assert slots.free == 1


async def test_many_who_wait_get_one_slot_after_the_other() -> None:
    slots = Slots(2)
    busy = most = 0

    async def work() -> None:
        nonlocal busy, most
        await slots.wait_free()
        slots.take()
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0)
        busy -= 1
        slots.give_back()

    await asyncio.wait_for(asyncio.gather(*(work() for _ in range(50))), 5)
    assert most == 2
    assert slots.free == 2


async def test_more_jobs_than_slots_are_worked_on_and_nobody_gets_a_slot_until_one_is_free() -> None:
    slots = Slots(1)
    slots.take()
    slots.take()
    assert slots.free == -1
    slots.give_back()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(slots.wait_free(), 0.01)
    slots.give_back()
    await asyncio.wait_for(slots.wait_free(), 1)


async def test_a_job_that_gives_its_slot_back_twice_has_given_it_back_once() -> None:
    slots = Slots(2)
    slot = Slot(slots)
    assert slots.free == 1
    slot.give_back()
    slot.give_back()
    assert slots.free == 2
    await slot.take_again()
    assert slots.free == 1
    slot.give_back()
    assert slots.free == 2
