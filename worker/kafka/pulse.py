"""Notices that this process stood still: stopped by a signal, or with the machine that it runs on."""

import asyncio
from typing import Final

from worker.clock import Clock

_BEAT_S: Final = 0.5


class Pulse:
    """Beats while the loop runs.

    Args:
        limit_s: how long it may stand still, in seconds: longer, and others have this member's partitions.
        clock: whose monotonic time goes on meanwhile.
    """

    def __init__(self, limit_s: float, clock: Clock) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._beat_at = clock.monotonic()
        self._longest_s = 0.0

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

    def _beat(self) -> None:
        # Whoever looks first after a standstill sees it, the beat itself or a transaction.
        now = self._clock.monotonic()
        self._longest_s = max(self._longest_s, now - self._beat_at)
        self._beat_at = now
