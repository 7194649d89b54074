"""Concurrency limit of a voice model: how many requests may be under way at once, learnt from their durations. Pure.

The algorithm is AIMD, additive increase and multiplicative decrease (Chiu and Jain, "Analysis of the increase and
decrease algorithms for congestion avoidance in computer networks", 1989), with TCP's slow start and its one decrease a
round trip (RFC 5681), on windows of requests as in Netflix's concurrency-limits. A request is slow when it takes half
of its timeout: so the limit falls before requests time out. Timeouts grow with the text, and so does what is slow.
"""

from typing import Final

STARTS_AT: Final = 64
"""As many as a worker has jobs in flight by default: one that meets a healthy Google is never held up."""
SLOW_SHARE: Final = 0.5
"""The share of its timeout after which a request is slow."""

# One slow request of many is chance; a quarter of a window isn't.
_SLOW_REQUESTS: Final = 0.25
_DECREASE: Final = 0.5
_LEAST_WINDOW, _LARGEST_WINDOW = 4, 20
# Slow start ends here, or where the last decrease ended if that is higher: an outage is forgotten after some seconds.
_SLOW_START_UP_TO: Final = 8.0


class ConcurrencyLimit:
    """Counts requests as they end, and changes the limit after each window of them.

    Args:
        most: the highest limit; enough for all that a worker may ask for at once.
    """

    def __init__(self, most: int) -> None:
        self._most = float(max(1, most))
        self._limit = min(float(STARTS_AT), self._most)
        self._threshold = self._most
        self._decreased_at = float("-inf")
        self._ended = 0
        self._slow = 0
        self._peak = 0

    @property
    def limit(self) -> int:
        """How many requests may be under way now; at least 1."""
        return int(self._limit)

    def record(self, began: float, now: float, in_flight: int, *, slow: bool) -> bool:
        """Records the end of a request.

        Args:
            began: when it was made, by the monotonic clock.
            now: the monotonic clock's time.
            in_flight: how many were under way until now, this one included.
            slow: whether it took more than `SLOW_SHARE` of its timeout, or timed out.

        Returns:
            Whether the limit was decreased.
        """
        # What was made before a decrease says nothing about the limit since.
        if began <= self._decreased_at:
            return False
        self._ended += 1
        self._slow += slow
        self._peak = max(self._peak, in_flight)
        if self._ended < min(max(self._limit / 2, _LEAST_WINDOW), _LARGEST_WINDOW):
            return False
        is_slow, is_used = self._slow >= _SLOW_REQUESTS * self._ended, 2 * self._peak >= self.limit
        ended, peak = self._ended, self._peak
        self._ended = self._slow = self._peak = 0
        if is_slow:
            self._limit = max(1.0, _DECREASE * min(self._limit, peak))
            self._threshold = max(self._limit, _SLOW_START_UP_TO)
            self._decreased_at = now
        elif is_used:
            # In slow start one more for each request, else one more for each round trip.
            step = float(ended) if self._limit < self._threshold else ended / self._limit
            self._limit = min(self._limit + step, self._most)
        return is_slow
