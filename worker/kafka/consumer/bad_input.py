"""Share of invalid records in a lane: if nearly all are, the deployment is wrong, not the jobs. Pure."""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class BadInputLimit:
    """A lane pauses if at least `share` of its last `window` records were invalid; one per `probe_s` s is tried."""

    share: float
    window: int
    probe_s: float


class BadInput:
    """Sliding window over one lane's records, and the lane's pause."""

    def __init__(self, limit: BadInputLimit) -> None:
        self._limit = limit
        self._last: deque[bool] = deque(maxlen=limit.window)
        self._bad = 0
        self._next_probe: float | None = None

    @property
    def paused(self) -> bool:
        """Whether the lane is paused: only probes are read."""
        return self._next_probe is not None

    def noted(self, *, bad: bool, now: float) -> bool:
        """Records whether a record of the lane was invalid.

        Args:
            now: monotonic time in seconds.

        Returns:
            Whether the lane's pause began or ended with this record.
        """
        if self.paused:
            return not bad and self.resume()
        if len(self._last) == self._limit.window:
            self._bad -= self._last[0]
        self._last.append(bad)
        self._bad += bad
        if len(self._last) == self._limit.window and self._bad / self._limit.window >= self._limit.share:
            self._next_probe = now + self._limit.probe_s
        return self.paused

    def resume(self) -> bool:
        """Ends the pause and clears the window.

        Returns:
            Whether the lane was paused.
        """
        was = self.paused
        self._next_probe = None
        self._last.clear()
        self._bad = 0
        return was

    def may_probe(self, now: float) -> bool:
        """Whether the lane is paused and a probe of one record is due."""
        return self._next_probe is not None and now >= self._next_probe

    def probed(self, now: float) -> None:
        """Records that a probe was taken, and schedules the next one."""
        self._next_probe = now + self._limit.probe_s
