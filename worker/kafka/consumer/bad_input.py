"""Watches the share of records that are no jobs: when nearly all are, the deployment is wrong, not the jobs. Pure."""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class BadInputLimit:
    """A lane pauses when at least `share` of its last `window` records were no jobs; then one a `probe_s` is tried."""

    share: float
    window: int
    probe_s: float


class BadInput:
    """One lane's last records, and whether it pauses."""

    def __init__(self, limit: BadInputLimit) -> None:
        self._limit = limit
        self._last: deque[bool] = deque(maxlen=limit.window)
        self._bad = 0
        self._next_probe: float | None = None

    @property
    def paused(self) -> bool:
        """Whether the lane takes but one record now and then."""
        return self._next_probe is not None

    def noted(self, *, bad: bool, now: float) -> bool:
        """Notes how a record of the lane ended.

        Args:
            bad: whether it was no job.
            now: the monotonic clock's.

        Returns:
            Whether the lane has begun or ceased to pause with it.
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
        """Takes records again and counts anew.

        Returns:
            Whether it paused.
        """
        was = self.paused
        self._next_probe = None
        self._last.clear()
        self._bad = 0
        return was

    def may_probe(self, now: float) -> bool:
        """Whether it is time to try one record of a paused lane."""
        return self._next_probe is not None and now >= self._next_probe

    def probed(self, now: float) -> None:
        """A record of the paused lane was taken."""
        self._next_probe = now + self._limit.probe_s
