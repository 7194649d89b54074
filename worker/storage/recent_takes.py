"""The takes that a worker has lately seen in the store: asking for them again costs no request. No clock of its own."""

from collections import OrderedDict

from worker.storage.takes import StoredTake


class RecentTakes:
    """A memory of stored takes, bounded in number and in time.

    In time since lifecycle rules, or people, delete takes: a job may be told of one that is gone for `kept_s` at most.

    Args:
        size: how many at most, the least recently used go first; 0 for none.
        kept_s: for how long each is known after it was seen, in seconds.
    """

    def __init__(self, size: int, kept_s: float) -> None:
        self._size = size
        self._kept_s = kept_s
        self._seen: OrderedDict[str, tuple[StoredTake, float]] = OrderedDict()

    def find(self, key: str, now: float) -> StoredTake | None:
        """The take of a key if it is known; `now` is the monotonic clock's."""
        found = self._seen.get(key)
        if found is None:
            return None
        take, seen_at = found
        if now - seen_at >= self._kept_s:
            del self._seen[key]
            return None
        self._seen.move_to_end(key)
        return take

    def saw(self, take: StoredTake, now: float) -> None:
        """Notes that a take is in the store; `now` is the monotonic clock's."""
        self._seen[take.key] = (take, now)
        self._seen.move_to_end(take.key)
        if len(self._seen) > self._size:
            self._seen.popitem(last=False)
