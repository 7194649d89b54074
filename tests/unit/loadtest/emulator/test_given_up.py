"""What a caller gives up is dropped: its thread's work, its clip, its place in the line."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial

import pytest

from loadtest.emulator.audio_cache import AudioCache
from loadtest.emulator.synthesizer import Synthesizer


async def test_a_clip_that_nobody_waits_for_any_more_is_not_made() -> None:
    cache = AudioCache(100)
    begun, ends = asyncio.Event(), list[str]()

    async def make() -> bytes:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise
        return b""

    callers = [asyncio.create_task(cache.get("clip", make)) for _ in range(2)]
    await begun.wait()
    callers[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await callers[0]
    assert not ends, "the other one waits"
    callers[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await callers[1]
    await asyncio.sleep(0)
    assert ends == ["cancelled"]
    assert await cache.get("clip", partial(asyncio.sleep, 0, b"made")) == b"made"


async def test_the_thread_of_a_caller_that_has_gone_ends_its_work() -> None:
    synthesizer = Synthesizer(1, 1)
    at_work, ended = threading.Event(), threading.Event()

    def work(stopped) -> None:  # type: ignore[no-untyped-def]
        at_work.set()
        while not stopped():
            time.sleep(0.001)
        ended.set()

    caller = asyncio.create_task(synthesizer._on_thread(synthesizer._engines.espeak_threads, work))
    assert await asyncio.to_thread(at_work.wait, 60)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert await asyncio.to_thread(ended.wait, 60)
    await synthesizer.close()
