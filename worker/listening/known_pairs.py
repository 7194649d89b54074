"""The pairs that stand in their topic, folded record by record, and which of them can be heard."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from schemas.message_parsing import InvalidMessageError, parse_pair
from schemas.pair import Pair
from worker.kafka.client.consumer_interface import ReceivedRecord
from worker.lifecycle.for_each import for_each
from worker.storage.takes import StoredTake

_AT_ONCE: Final = 16
_ASK_AGAIN_S: Final = 1.0

LookUp = Callable[[str], Awaitable[StoredTake | None]]
"""The stored take of a key, or None; raises StorageError."""


class KnownPairs:
    """The pairs, in the order in which they were first made."""

    def __init__(self) -> None:
        self._pairs: dict[str, Pair] = {}

    def observe(self, record: ReceivedRecord) -> None:
        """Takes a record of the topic; what is no pair is passed over."""
        if record.value is None:
            self._pairs.pop((record.key or b"").decode(errors="replace"), None)
            return
        try:
            pair = parse_pair(record.value)
        except InvalidMessageError:
            return
        self._pairs[pair.pair_id] = pair

    def add(self, pair: Pair) -> None:
        """Adds a pair that was just written."""
        self._pairs[pair.pair_id] = pair

    def all(self) -> tuple[Pair, ...]:
        """All pairs, those too whose takes are being made."""
        return tuple(self._pairs.values())


class ReadyTakes:
    """Which takes are stored: once found, a take is remembered; the others are asked for at most once a second."""

    def __init__(self, look_up: LookUp, monotonic: Callable[[], float]) -> None:
        self._look_up = look_up
        self._monotonic = monotonic
        self._stored: set[str] = set()
        self._asked: dict[str, float] = {}

    async def ready(self, pairs: Iterable[Pair]) -> tuple[Pair, ...]:
        """The pairs of which both takes are stored.

        Raises:
            StorageError: the store doesn't answer.
        """
        wanted = tuple(pairs)
        now = self._monotonic()
        unknown = {
            key
            for pair in wanted
            for key in pair.takes - self._stored
            if now - self._asked.get(key, -_ASK_AGAIN_S) >= _ASK_AGAIN_S
        }

        async def ask(key: str) -> None:
            if await self._look_up(key) is not None:
                self._stored.add(key)
                self._asked.pop(key, None)
            else:
                self._asked[key] = now

        await for_each(unknown, ask, at_once=_AT_ONCE)
        return tuple(pair for pair in wanted if pair.takes <= self._stored)
