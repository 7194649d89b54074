"""The offset tracker of one partition: which offset may be committed. Pure."""

from collections import OrderedDict


class OffsetTracker:
    """Knows the offsets that it received, never "the next number": offsets have gaps.

    `position` is the offset to be read next; with nothing outstanding it is what may be committed.
    """

    def __init__(self, position: int) -> None:
        self._position = position
        # Received and not yet below the committable offset, in order, each with its record's timestamp.
        self._received: OrderedDict[int, int] = OrderedDict()
        self._done: set[int] = set()

    def received(self, offset: int, timestamp_ms: int = 0) -> None:
        """Notes a record that came.

        Raises:
            ValueError: the offset is not above all that came before.
        """
        if offset < self._position:
            raise ValueError(f"offset {offset} came after {self._position} was already the next to be read")
        self._received[offset] = timestamp_ms
        self._position = offset + 1

    def done(self, offset: int) -> None:
        """Notes that the outcome of a record is published.

        Raises:
            KeyError: the offset was never received, or is done already.
        """
        if offset not in self._received or offset in self._done:
            raise KeyError(offset)
        self._done.add(offset)
        while self._received:
            first = next(iter(self._received))
            if first not in self._done:
                break
            del self._received[first]
            self._done.discard(first)

    @property
    def position(self) -> int:
        """The offset to be read next."""
        return self._position

    @property
    def committable(self) -> int:
        """The offset below which all is done."""
        return next(iter(self._received), self._position)

    @property
    def outstanding(self) -> int:
        """How many records came and aren't done."""
        return len(self._received) - len(self._done)

    @property
    def done_above(self) -> int:
        """How many records at or above the committable offset are done."""
        return len(self._done)

    @property
    def oldest_timestamp_ms(self) -> int | None:
        """The timestamp of the oldest record that isn't done, None with none."""
        return next(iter(self._received.values()), None)
