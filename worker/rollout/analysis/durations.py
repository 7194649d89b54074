"""Durations of attempts: a histogram that is summed when it is read. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

_FINE_S: Final = 10.0
_TENTHS: Final = 10
_FINE_BUCKETS: Final = 100
_MAX_PARTS: Final = 64


def duration_bucket(seconds: float) -> int:
    """Return the histogram bucket of a duration: 0.1 s wide up to 10 s, 1 s wide above; its lower edge is exclusive."""
    if seconds <= _FINE_S:
        return max(0, -int(-seconds * _TENTHS // 1) - 1)
    return _FINE_BUCKETS - 1 + -int(-(seconds - _FINE_S) // 1)


def bucket_end(bucket: int) -> float:
    """Return the upper edge of a bucket of `duration_bucket`, in seconds."""
    return (bucket + 1) / _TENTHS if bucket < _FINE_BUCKETS else _FINE_S + bucket + 1 - _FINE_BUCKETS


class Durations:
    """Durations by `duration_bucket`.

    Args:
        counts: by bucket; must not be changed afterwards by anybody else.
        parts: others whose counts are added, as by `merge`.
    """

    __slots__ = ("_counts", "_parts")

    def __init__(self, counts: dict[int, int] | None = None, parts: Iterable["Durations"] = ()) -> None:
        self._counts = {} if counts is None else counts
        self._parts = [*parts]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Durations) and self.counts == other.counts

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Durations({self.counts})"

    @property
    def counts(self) -> Mapping[int, int]:
        """The counts by bucket."""
        # Most sums over a window are read for their errors alone, and adding up buckets is most of a sum's time.
        counts = self._counts
        for part in self._parts:
            for bucket, count in part.counts.items():
                counts[bucket] = counts.get(bucket, 0) + count
        self._parts.clear()
        return counts

    def add(self, seconds: float) -> None:
        """Count one duration."""
        bucket = duration_bucket(seconds)
        self._counts[bucket] = self._counts.get(bucket, 0) + 1

    def merge(self, other: "Durations") -> None:
        """Add another's counts, as they are when these are read: the other must not be changed until then."""
        self._parts.append(other)
        if len(self._parts) > _MAX_PARTS:
            _ = self.counts

    def slower_than(self, seconds: float) -> int:
        """Count those above a duration; exact for multiples of 0.1 s up to 10 s, of 1 s above."""
        first = duration_bucket(seconds) + 1
        return sum(count for bucket, count in self.counts.items() if bucket >= first)

    def quantile(self, share: float) -> float | None:
        """Return the duration within which a share of them ended, in seconds; None without any.

        It is the upper edge of its bucket: up to 0.1 s too high below 10 s, up to 1 s above.
        """
        counts = self.counts
        needed, below = share * sum(counts.values()), 0
        for bucket in sorted(counts):
            below += counts[bucket]
            if below >= needed:
                return bucket_end(bucket)
        return None
