"""Stall detector: detects that this process was suspended, by a signal or together with its machine."""

import asyncio
from typing import Final

from worker.lifecycle.clock import Clock

_BEAT_S: Final = 0.5
# aiokafka sends its heartbeat as soon as the process runs again, and the response says whether the group has removed
# this member. A busy event loop and a rejoin delay that.
_SETTLE_S: Final = 2.0


class StallDetector:
    """Measures gaps between beats of the event loop. The time before the first beat doesn't count.

    Args:
        limit_s: the longest harmless stall in seconds. After a longer one, others may own this member's partitions.
        clock: its monotonic time must go on while the process is suspended.
    """

    def __init__(self, limit_s: float, clock: Clock) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._beat_at: float | None = None
        self._longest_s = 0.0
        self._steady_from = float("-inf")

    async def run(self) -> None:
        """Beats every 0.5 s until it is cancelled."""
        while True:
            self._beat()
            await asyncio.sleep(_BEAT_S)

    @property
    def stood_still_s(self) -> float | None:
        """The longest stall so far in seconds; None if none exceeded the limit."""
        self._beat()
        return self._longest_s if self._longest_s > self._limit_s else None

    @property
    def is_steady(self) -> bool:
        """False for 2 s after a stall over the limit: the group's answer on who owns the partitions is still due."""
        return self._beat() >= self._steady_from

    def _beat(self) -> float:
        """Detects a stall at the first call after it, from the loop or from a property. Returns the monotonic time."""
        now = self._clock.monotonic()
        still_s = 0.0 if self._beat_at is None else now - self._beat_at
        self._longest_s = max(self._longest_s, still_s)
        self._beat_at = now
        if still_s > self._limit_s:
            self._steady_from = now + _SETTLE_S
        return now
