"""The parts of one line: four calls at once, handed on in order, and what Google refuses as too long split smaller."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from schemas.enums import AudioEncoding
from worker.speech.attempt_calls import AttemptCalls
from worker.speech.failures import CallFailedError
from worker.speech.render import Input
from worker.speech.smaller_parts import split_smaller
from worker.speech.working_memory import MOST_PARTS

PARTS_AT_ONCE: Final = MOST_PARTS // 2
"""Calls under way for one long text: 50,000 bytes take the time of some three calls, not of eleven, and leave room."""
MOST_SPLITS: Final = 12
"""Refusals as too long of one input of a line and of its pieces. A sentence of 5,000 bytes needs no more."""

TakePart = Callable[[bytes], Awaitable[None]]
"""Takes the next part of a line as LINEAR16; it is called for one part at a time, in order."""

_Place = tuple[int, ...]
"""Where a part stands in its line: an input's number, and the numbers of the pieces that it was split into."""


async def speak_parts(
    entries: Sequence[Input], calls: AttemptCalls, take: TakePart, refusal: CallFailedError | None = None
) -> None:
    """Speaks a line in parts. No more parts wait in memory than there are calls at once.

    Args:
        entries: the inputs of the line.
        calls: make the calls.
        take: takes each part as soon as those before it were taken.
        refusal: Google's of the only input, if that was tried as a whole.

    Raises:
        CallFailedError: of the first part that failed; the other calls are cancelled. An input that Google refuses as
            too long fails when it can't be split any more, or has been split often enough.
        Exception: what `take` raises.
    """
    # In a task of its own: after a task group of Python 3.11 has failed, its task counts as cancelled for good, and
    # aiohttp would take that for the job's own cancellation in the middle of a later upload.
    await asyncio.create_task(_Parts(calls, take).speak(entries, refusal))


class _Parts:
    def __init__(self, calls: AttemptCalls, take: TakePart) -> None:
        self._calls = calls
        self._take = take
        self._taking = asyncio.Lock()
        self._taken = asyncio.Event()
        self._pending: deque[tuple[_Place, Input]] = deque()
        self._under_way: set[_Place] = set()
        self._spoken: dict[_Place, bytes] = {}
        self._splits: Counter[int] = Counter()
        self._speakers = 0

    async def speak(self, entries: Sequence[Input], refusal: CallFailedError | None) -> None:
        self._pending.extend(((number,), entry) for number, entry in enumerate(entries))
        if refusal is not None:
            self._split(*self._pending.popleft(), refusal)
        try:
            async with asyncio.TaskGroup() as group:
                self._start_speakers(group)
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    def _start_speakers(self, group: asyncio.TaskGroup) -> None:
        for _ in range(min(PARTS_AT_ONCE - self._speakers, len(self._pending))):
            self._speakers += 1
            group.create_task(self._speak_in_turn(group))

    async def _speak_in_turn(self, group: asyncio.TaskGroup) -> None:
        while self._pending:
            if self._is_ahead:
                self._taken.clear()
                await self._taken.wait()
                continue
            place, entry = self._pending.popleft()
            self._under_way.add(place)
            try:
                self._spoken[place] = await self._calls.speak(entry, AudioEncoding.LINEAR16)
            except CallFailedError as error:
                self._split(place, entry, error)
                self._start_speakers(group)
            finally:
                self._under_way.discard(place)
                self._taken.set()
            await self._hand_on()
        self._speakers -= 1

    @property
    def _is_ahead(self) -> bool:
        """Whether as many parts wait for an earlier one as may, and the next part isn't that one."""
        return len(self._spoken) >= PARTS_AT_ONCE and self._pending[0][0] > min(self._spoken)

    async def _hand_on(self) -> None:
        """Hands on all spoken parts before the first that isn't spoken yet."""
        async with self._taking:
            while self._spoken:
                place = min(self._spoken)
                if any(each < place for each in (*self._under_way, *(each for each, _ in self._pending))):
                    return
                await self._take(self._spoken.pop(place))
                self._taken.set()

    def _split(self, place: _Place, entry: Input, refusal: CallFailedError) -> None:
        """Puts the pieces of what Google refused as too long before all that is pending; other failures stand."""
        self._splits[place[0]] += 1
        pieces = split_smaller(entry, refusal.failure.message) if refusal.failure.too_long else ()
        if not pieces or self._splits[place[0]] > MOST_SPLITS:
            raise refusal
        self._pending.extendleft(reversed([((*place, number), piece) for number, piece in enumerate(pieces)]))
