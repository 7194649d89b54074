"""Notices that this process stood still: stopped by a signal, or with the machine that it runs on."""

import asyncio
from typing import Final

from worker.lifecycle.clock import Clock

_BEAT_S: Final = 0.5
# aiokafka's heartbeat goes out as soon as the process runs again, and its answer says whether the group went on without
# it; a busy loop and a rejoin take their time.
_SETTLE_S: Final = 2.0


class StallDetector:
    """Beats while the loop runs. What was before the first beat, or before somebody asked, isn't held against it.

    Args:
        limit_s: how long it may stand still, in seconds: longer, and others have this member's partitions.
        clock: whose monotonic time goes on meanwhile.
    """

    def __init__(self, limit_s: float, clock: Clock) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._beat_at: float | None = None
        self._longest_s = 0.0
        self._steady_from = float("-inf")

    async def run(self) -> None:
        """Beats until it is cancelled."""
        while True:
            self._beat()
            await asyncio.sleep(_BEAT_S)

    @property
    def stood_still_s(self) -> float | None:
        """How long it has stood still at once, in seconds, if that was ever over the limit."""
        self._beat()
        return self._longest_s if self._longest_s > self._limit_s else None

    @property
    def is_steady(self) -> bool:
        """False for 2 s after a standstill over the limit: the group hasn't told yet whose the partitions are now."""
        return self._beat() >= self._steady_from

    def _beat(self) -> float:
        """Whoever looks first after a standstill sees it, the beat itself or who asks; gives the time."""
        now = self._clock.monotonic()
        still_s = 0.0 if self._beat_at is None else now - self._beat_at
        self._longest_s = max(self._longest_s, still_s)
        self._beat_at = now
        if still_s > self._limit_s:
            self._steady_from = now + _SETTLE_S
        return now
