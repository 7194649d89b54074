"""The slots of the bounded pool."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import Lane
from worker.kafka.consumer.slots import LaneSlots, Slot, Slots


async def test_a_slot_that_is_given_back_wakes_who_waits() -> None:
    slots = Slots(1)
    slots.take()
    waiting = asyncio.create_task(slots.wait_free())
    await asyncio.sleep(0)
    assert not waiting.done()
    slots.give_back()
    await asyncio.wait_for(waiting, 60)
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

    await asyncio.wait_for(asyncio.gather(*(work() for _ in range(50))), 60)
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
    await asyncio.wait_for(slots.wait_free(), 60)


async def test_a_job_that_gives_its_slot_back_twice_has_given_it_back_once() -> None:
    slots = LaneSlots(2, 0)
    slot = Slot(slots, Lane.BATCH)
    assert (slots.free(Lane.BATCH), slots.free(Lane.DIALOGUE)) == (1, 1)
    slot.give_back()
    slot.give_back()
    assert (slots.free(Lane.BATCH), slots.free(Lane.DIALOGUE)) == (2, 2)
    await slot.hold()
    await slot.hold()
    assert (slots.free(Lane.BATCH), slots.free(Lane.DIALOGUE)) == (1, 1)


@given(size=st.integers(1, 64), reserved=st.integers(0, 64), steps=st.lists(st.sampled_from([*Lane, "end"])))
def test_batch_never_takes_what_is_kept_for_dialogue_and_dialogue_may_take_all(
    size: int, reserved: int, steps: list[Lane | str]
) -> None:
    slots = LaneSlots(size, reserved)
    held: list[Lane] = []
    for step in steps:
        if isinstance(step, Lane):
            free = slots.free(step)
            assert slots.take(step) == (free > 0)
            held += [step] if free > 0 else []
        elif held:
            slots.give_back(held.pop(0))
        assert held.count(Lane.BATCH) <= max(1, size - reserved)
        assert slots.free(Lane.DIALOGUE) == size - len(held) >= 0
        assert slots.free(Lane.BATCH) <= slots.free(Lane.DIALOGUE)


async def test_a_slot_that_gets_free_is_a_dialogue_jobs_that_waits_and_a_batch_jobs_after_it() -> None:
    slots = LaneSlots(1, 0)
    first = Slot(slots, Lane.BATCH)
    batch, dialogue = Slot(slots, Lane.BATCH), Slot(slots, Lane.DIALOGUE)
    batch_holds = asyncio.create_task(batch.hold())
    dialogue_holds = asyncio.create_task(dialogue.hold())
    await asyncio.sleep(0)
    first.give_back()
    await asyncio.wait_for(dialogue_holds, 60)
    assert not batch_holds.done()
    dialogue.give_back()
    await asyncio.wait_for(batch_holds, 60)


async def test_a_dialogue_job_that_ceases_to_wait_holds_no_batch_job_back() -> None:
    slots = LaneSlots(2, 1)
    held = [Slot(slots, Lane.DIALOGUE), Slot(slots, Lane.DIALOGUE)]
    dialogue = asyncio.create_task(Slot(slots, Lane.DIALOGUE).hold())
    batch = asyncio.create_task(Slot(slots, Lane.BATCH).hold())
    await asyncio.sleep(0)
    dialogue.cancel()
    held[0].give_back()
    await asyncio.wait_for(batch, 60)


async def test_while_more_dialogue_jobs_may_be_there_batch_takes_nothing() -> None:
    slots = LaneSlots(4, 1)
    slots.more_dialogue = True
    assert (slots.free(Lane.BATCH), slots.free(Lane.DIALOGUE)) == (0, 4)
    batch = asyncio.create_task(slots.wait_free(Lane.BATCH))
    await asyncio.sleep(0)
    slots.more_dialogue = False
    slots.wake()
    await asyncio.wait_for(batch, 60)
