"""Sliding window: how many requests were made in the last seconds. Pure: times are any clock's, in seconds."""

from collections import deque
from typing import Final

# The most entries, whatever the rate: requests that are closer together than a grain expire together.
_GRAINS: Final = 1000


class SlidingWindow:
    """Counts the requests of the last `length_s` seconds; each has a weight, mostly 1."""

    def __init__(self, length_s: float) -> None:
        self._length_s = length_s
        self._grain_s = length_s / _GRAINS
        # Of each entry the time at which it expires, and its weight; in the order in which they expire.
        self._entries: deque[tuple[float, float]] = deque()
        self._used = 0.0

    def used(self, now: float) -> float:
        """The sum of the weights that have not expired."""
        while self._entries and self._entries[0][0] <= now:
            self._used -= self._entries.popleft()[1]
        if not self._entries:
            self._used = 0.0
        return self._used

    def add(self, now: float, weight: float = 1.0) -> None:
        """Counts a request; a negative weight takes back one that wasn't made."""
        expires = (now // self._grain_s + 1) * self._grain_s + self._length_s
        if self._entries and self._entries[-1][0] >= expires:
            last, last_weight = self._entries.pop()
            self._entries.append((last, last_weight + weight))
        else:
            self._entries.append((expires, weight))
        self._used += weight

    def seconds_until(self, most: float, now: float) -> float:
        """Seconds until at most `most` is used; 0 if that is so now, infinite if it never will be."""
        used = self.used(now)
        if used <= most:
            return 0.0
        for expires, weight in self._entries:
            used -= weight
            if used <= most:
                return expires - now
        return float("inf")

    def scale(self, factor: float) -> None:
        """Multiplies all weights."""
        self._entries = deque((expires, weight * factor) for expires, weight in self._entries)
        self._used *= factor

    def fill(self, weight: float, now: float) -> None:
        """Adds a weight as if it had been used evenly over the whole window."""
        each = weight / _GRAINS
        filled = [(now + (number + 1) * self._grain_s, each) for number in range(_GRAINS)]
        self._entries = deque(sorted([*self._entries, *filled]))
        self._used = self.used(now) + weight
