"""A cache of the takes that a worker has lately seen in the store: looking one up again costs no request. Pure."""

from collections import OrderedDict

from worker.storage.takes import StoredTake


class RecentTakes:
    """A cache of stored takes, bounded in number and in time.

    It is bounded in time because lifecycle rules, or people, delete takes: for `kept_s` at most, a job may get a take
    that is gone.

    Args:
        size: the most takes; the least recently used is dropped first; 0 turns the cache off.
        kept_s: for how long a take is kept after it was last seen in the store, in seconds.
    """

    def __init__(self, size: int, kept_s: float) -> None:
        self._size = size
        self._kept_s = kept_s
        self._seen: OrderedDict[str, tuple[StoredTake, float]] = OrderedDict()

    def find(self, key: str, now: float) -> StoredTake | None:
        """The cached take of a key; `now` is the monotonic clock's."""
        found = self._seen.get(key)
        if found is None:
            return None
        take, seen_at = found
        if now - seen_at >= self._kept_s:
            del self._seen[key]
            return None
        self._seen.move_to_end(key)
        return take

    def add(self, take: StoredTake, now: float) -> None:
        """Caches a take that was seen in the store; `now` is the monotonic clock's."""
        self._seen[take.key] = (take, now)
        self._seen.move_to_end(take.key)
        if len(self._seen) > self._size:
            self._seen.popitem(last=False)
