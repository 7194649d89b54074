"""Limits of requests for each client, so that none can use up the quota or the process. Pure."""

from math import ceil
from typing import Final

from worker.speech.limits.sliding_window import SlidingWindow

MINUTE_S: Final = 60.0


class RequestLimit:
    """At most so many requests of a client in any minute.

    Args:
        per_minute: 0 for no limit.
    """

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        # Clients stand in a file: there are few.
        self._windows: dict[str, SlidingWindow] = {}

    def take(self, client: str, now: float) -> int | None:
        """Counts a request, if the limit allows it.

        Args:
            now: the monotonic clock's time, in seconds.

        Returns:
            None; or, of a request that isn't allowed and not counted, after how many seconds the next one is.
        """
        if not self.per_minute:
            return None
        window = self._windows.setdefault(client, SlidingWindow(MINUTE_S))
        wait_s = window.seconds_until(self.per_minute - 1, now)
        if wait_s > 0:
            return max(1, ceil(wait_s))
        window.add(now)
        return None
