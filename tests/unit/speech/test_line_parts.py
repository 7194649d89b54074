"""Parts are handed on in their order as soon as it is their turn, and few of them wait in memory."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from schemas.enums import FailureClass
from worker.speech.failures import CallFailedError, Failure
from worker.speech.line_parts import speak_parts
from worker.speech.render import Input, InputForm
from worker.speech.working_memory import MOST_PARTS


class Calls:
    """Speaks a part when it is released; the sound of a part is its text."""

    def __init__(self) -> None:
        self.released = asyncio.Condition()
        self.free: set[str] = set()
        self.begun: list[str] = []
        self.done: list[str] = []
        self.too_long: set[str] = set()

    async def speak(self, entry: Input, _: Any) -> bytes:
        self.begun.append(entry.content)
        async with self.released:
            await self.released.wait_for(lambda: entry.content in self.free)
        if entry.content in self.too_long:
            raise CallFailedError(
                Failure(FailureClass.INVALID, "INVALID_ARGUMENT", "This request contains sentences that are too long.")
            )
        self.done.append(entry.content)
        return entry.content.encode()

    async def release(self, *contents: str) -> None:
        async with self.released:
            self.free |= set(contents)
            self.released.notify_all()
        for _ in range(50):
            await asyncio.sleep(0)


class Line:
    def __init__(self, count: int) -> None:
        self.calls: Any = Calls()
        self.taken: list[str] = []
        self.most = 0
        entries = [Input(InputForm.TEXT, f"{number}") for number in range(count)]
        self.task = asyncio.create_task(speak_parts(entries, self.calls, self.take))

    async def take(self, part: bytes) -> None:
        self.most = max(self.most, len(self.calls.done) - len(self.taken))
        await asyncio.sleep(0)
        self.taken.append(part.decode())


async def test_parts_are_handed_on_in_order_as_soon_as_those_before_them_are() -> None:
    line = Line(6)
    await line.calls.release("1", "2")
    assert line.taken == []
    await line.calls.release("0")
    assert line.taken == ["0", "1", "2"]
    await line.calls.release("3", "4", "5")
    await line.task
    assert line.taken == ["0", "1", "2", "3", "4", "5"]


async def test_while_one_part_is_slow_no_more_are_spoken_than_may_wait() -> None:
    line = Line(40)
    await line.calls.release(*(str(number) for number in range(1, 40)))
    assert line.taken == []
    assert len(line.calls.begun) <= MOST_PARTS
    await line.calls.release("0")
    await line.task
    assert line.taken == [str(number) for number in range(40)]
    assert line.most <= MOST_PARTS


async def test_what_cannot_take_a_part_ends_the_line_with_its_own_error() -> None:
    line = Line(3)

    async def broken(_: bytes) -> None:
        raise ValueError("no space")

    calls: Any = Calls()
    speaking = asyncio.create_task(speak_parts([Input(InputForm.TEXT, str(n)) for n in range(9)], calls, broken))
    await calls.release(*(str(number) for number in range(9)))
    with pytest.raises(ValueError, match="no space"):
        await speaking
    line.task.cancel()
    await asyncio.gather(line.task, return_exceptions=True)
