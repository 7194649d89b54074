"""How long the next record of a retry partition waits: by our own monotonic clock, and no longer than its delay. Pure.

A record says when it is due by the clock of the worker that wrote it. Clocks of two machines differ, and a clock may be
set; a duration that two clocks measured is none. So a record waits, from the moment at which it is first seen, at most
as long as its retry may take.
"""


class RetryWait:
    """The wait of one partition's next record."""

    def __init__(self) -> None:
        self._offset: int | None = None
        self._until_s = 0.0
        # By how much a clock that is ahead of ours by more than the delay is ahead; such records came one after the
        # other, and wait for each other, not each as long as the delay.
        self._ahead_ms = 0

    def left_s(self, offset: int, due_ms: int, now_ms: int, at_s: float, longest_s: float) -> float:
        """How long a record still waits, in seconds; 0 if it is due.

        Args:
            offset: the record's.
            due_ms: when it is due by the clock that wrote it, in ms since 1970.
            now_ms: our time, likewise.
            at_s: our monotonic clock.
            longest_s: the longest time that a retry of this delay waits.
        """
        ahead_ms = due_ms - now_ms
        foreign = ahead_ms > longest_s * 1000
        if offset != self._offset:
            left_ms = ahead_ms - (self._ahead_ms if foreign else 0)
            self._offset, self._until_s = offset, at_s + min(max(0.0, left_ms / 1000), longest_s)
        left_s = max(0.0, self._until_s - at_s)
        if foreign and not left_s:
            self._ahead_ms = ahead_ms
        return left_s
