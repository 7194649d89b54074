"""Offset tracker: which offsets of a partition are done, and which offset may be committed. Pure."""

from collections import deque
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from worker.kafka.consumer.offset_map import MAX_BYTES, Range, joined, worst_bytes

# Above this share of the limit no more records are taken: running jobs may still fragment the map.
_FULL: Final = 0.75 * MAX_BYTES
# So many offsets always fit, whatever lies between them. A shortcut, since the check runs for every record.
_SURELY: Final = 200


class OffsetTracker:
    """Tracks the received offsets of one partition. Offsets have gaps, so the next one is never computed.

    An offset between two received ones will never arrive, so the map counts it as done.

    Args:
        position: the offset to be read next. It may be committed if nothing is outstanding.
        done: ranges at or above it that were done before a restart, ascending.
    """

    def __init__(self, position: int, done: Iterable[Range] = ()) -> None:
        self._position = position
        # Ascending, each with its record's timestamp. Only unfinished records take memory.
        self._pending: dict[int, int] = {}
        self._done_before = deque(joined(done))

    def received(self, offset: int, timestamp_ms: int = 0) -> bool:
        """Records that a record has arrived.

        Returns:
            Whether its job must run; False if it was done before a restart.

        Raises:
            ValueError: the offset isn't above all earlier ones.
        """
        if offset < self._position:
            raise ValueError(f"offset {offset} came after {self._position} was already the next to be read")
        self._position = offset + 1
        self._forget_below(offset)
        if self._done_before and self._done_before[0][0] <= offset:
            return False
        self._pending[offset] = timestamp_ms
        return True

    def skip_to(self, offset: int) -> list[Range]:
        """Moves the position forward to where the log begins now.

        Returns:
            The ranges that were skipped and weren't done before a restart.
        """
        start, undone = self._position, []
        for done_start, done_end in self._done_before:
            if start < (end := min(done_start, offset)):
                undone.append((start, end))
            start = max(start, done_end)
        if start < offset:
            undone.append((start, offset))
        self._position = max(self._position, offset)
        self._forget_below(self._position)
        return undone

    def done(self, offset: int) -> None:
        """Records that the outcome of a record is published.

        Raises:
            KeyError: the offset was never received, or is done already.
        """
        del self._pending[offset]

    @property
    def position(self) -> int:
        """The offset to be read next."""
        return self._position

    @property
    def committable(self) -> int:
        """The offset below which all records are done."""
        return next(iter(self._pending), self._position)

    @property
    def outstanding(self) -> int:
        """The number of received records that aren't done."""
        return len(self._pending)

    @property
    def done_above(self) -> list[Range]:
        """The ranges done at or above the committable offset."""
        edges = [*self._pending, self._position]
        between = [(before + 1, after) for before, after in pairwise(edges) if before + 1 < after]
        before_restart = [(max(start, self._position), end) for start, end in self._done_before]
        return joined([*between, *(each for each in before_restart if each[0] < each[1])])

    @property
    def done_above_count(self) -> int:
        """The number of offsets done at or above the committable one."""
        rest = sum(end - max(start, self._position) for start, end in self._done_before)
        return self._position - self.committable - len(self._pending) + max(0, rest)

    def may_take(self, count: int) -> bool:
        """Whether the map is certain to stay within 75 % of its limit with `count` more records.

        With no record outstanding it always may: the next records fill the map's first gap, and only they free it.
        """
        if not self._pending:
            return True
        if len(self._pending) + len(self._done_before) + count <= _SURELY:
            return True
        end = self._done_before[-1][1] if self._done_before else self._position
        span = max(end, self._position) - self.committable + count
        return worst_bytes(len(self._pending) + len(self._done_before) + count, span) <= _FULL

    @property
    def oldest_timestamp_ms(self) -> int | None:
        """The timestamp of the oldest unfinished record; None if there is none."""
        return next(iter(self._pending.values()), None)

    def _forget_below(self, offset: int) -> None:
        """Forgets the ranges that were done before a restart and end at or below an offset."""
        while self._done_before and self._done_before[0][1] <= offset:
            self._done_before.popleft()
