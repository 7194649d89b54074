"""Long lines wait for memory before anything is paid for, and short ones don't."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from schemas.enums import JobStatus, Lane
from tests.unit.world import NOW, World

LONG = {
    "text": "The vault door opens at dawn, and nobody knows why. " * 900,
    "audio": {"encoding": "LINEAR16", "sample_rate": 48000},
}


async def settle() -> None:
    for _ in range(200):
        await asyncio.sleep(0)


async def test_a_long_line_waits_for_memory_before_it_calls_google_and_a_short_one_does_not() -> None:
    world = World()
    async with world.memory.hold(2**30):
        long = asyncio.create_task(world.run(Lane.BATCH, **LONG))
        await settle()
        assert world.google.calls == []
        await world.run(text="Hello there.")
        before = len(world.google.calls)
        assert before > 0
        assert not long.done()
    await long
    assert len(world.google.calls) > before
    assert world.memory.held == 0


async def test_a_long_line_that_waited_past_its_deadline_expires_without_a_call() -> None:
    world = World()
    deadline = (NOW + timedelta(seconds=60)).isoformat()
    async with world.memory.hold(2**30):
        long = asyncio.create_task(world.run(Lane.BATCH, deadline=deadline, **LONG))
        await settle()
        world.seconds += 200
    outcome = await long
    assert outcome.completion is not None
    assert outcome.completion.status is JobStatus.EXPIRED
    assert world.google.calls == []
    assert world.memory.held == 0
