"""Reservoir sampling of keys: a uniform sample of a stream of unknown length. Its randomness is an argument."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from random import Random


class KeySample:
    """Draws a sample from any number of keys, each with the same probability; or takes all keys.

    Args:
        size: the sample's size; None for all keys.

    Attributes:
        seen: how many keys came.
    """

    def __init__(self, size: int | None, random: Random) -> None:
        self.seen = 0
        self._size = size
        self._random = random

    async def draw(self, batches: AsyncGenerator[list[str], None]) -> AsyncGenerator[list[str], None]:
        """The sample, when all keys have come; or all keys, as they come. A key that came twice may be there twice."""
        drawn: list[str] = []
        async with aclosing(batches):
            async for batch in batches:
                if self._size is None:
                    self.seen += len(batch)
                    yield batch
                else:
                    self._add(batch, drawn, self._size)
        if drawn:
            yield drawn

    def _add(self, batch: list[str], drawn: list[str], size: int) -> None:
        for key in batch:
            self.seen += 1
            if len(drawn) < size:
                drawn.append(key)
            elif (place := self._random.randrange(self.seen)) < size:
                drawn[place] = key
