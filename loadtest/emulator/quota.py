"""Requests in a window, by voice model and all together, as Google's quota counts them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadtest.emulator.settings import QuotaKey, VoiceModel


class Quota:
    """A sliding window; a refused request takes nothing from it."""

    def __init__(self) -> None:
        """Start with nothing taken."""
        self._taken: dict[QuotaKey, deque[float]] = {
            "chirp3-hd": deque(),
            "wavenet": deque(),
            "all": deque(),
        }

    def take(
        self, voice_model: VoiceModel | None, now: float, limits: Mapping[QuotaKey, int], window_s: float
    ) -> QuotaKey | None:
        """Take one request at `now` (seconds); if a limit is reached, take nothing and name it."""
        if not limits:
            return None
        keys: list[QuotaKey] = [voice_model, "all"] if voice_model else ["all"]
        for key in keys:
            times = self._taken[key]
            while times and times[0] <= now - window_s:
                times.popleft()
            if key in limits and len(times) >= limits[key]:
                return key
        for key in keys:
            self._taken[key].append(now)
        return None
