"""A rate over the last minute: the mean since the start would promise too much after stored lines. Pure."""

from collections import deque
from typing import Final

_WINDOW_S: Final = 60.0
_SAMPLE_S: Final = 1.0


class RollingRate:
    """How many of something ended a second, over the last 60 s.

    Args:
        now: the monotonic clock's time at which nothing had ended.
    """

    def __init__(self, now: float) -> None:
        self._samples: deque[tuple[float, int]] = deque([(now, 0)])
        self._latest = (now, 0)

    def observe(self, now: float, ended: int) -> None:
        """Notes how many have ended in all at a time of the monotonic clock."""
        self._latest = (now, ended)
        if now - self._samples[-1][0] >= _SAMPLE_S:
            self._samples.append(self._latest)
        # The newest sample that is a whole window old is where the window begins.
        while len(self._samples) > 1 and now - self._samples[1][0] >= _WINDOW_S:
            self._samples.popleft()

    @property
    def per_second(self) -> float:
        """The rate at the last observation; 0 if nothing ended in the window."""
        (began, before), (now, ended) = self._samples[0], self._latest
        return (ended - before) / max(now - began, 1e-3)
