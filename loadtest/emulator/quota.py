"""Google's request quota: a sliding window for each voice model and one for all of them together."""

from collections import deque
from collections.abc import Mapping

from loadtest.emulator.settings import QuotaKey, VoiceModel


class Quota:
    """Counts accepted requests; a refused request does not count."""

    def __init__(self) -> None:
        self._accepted: dict[QuotaKey, deque[float]] = {
            "chirp3-hd": deque(),
            "wavenet": deque(),
            "all": deque(),
        }

    def take(
        self, voice_model: VoiceModel | None, now: float, limits: Mapping[QuotaKey, int], window_s: float
    ) -> QuotaKey | None:
        """Counts one request, unless a limit is reached.

        Args:
            voice_model: None if the request names no known voice model.
            now: in seconds.
            limits: requests per window.
            window_s: length of the window in seconds.

        Returns:
            The limit that was reached, or None if the request was counted.
        """
        if not limits:
            return None
        keys: list[QuotaKey] = [voice_model, "all"] if voice_model else ["all"]
        for key in keys:
            times = self._accepted[key]
            while times and times[0] <= now - window_s:
                times.popleft()
            if key in limits and len(times) >= limits[key]:
                return key
        for key in keys:
            self._accepted[key].append(now)
        return None
