"""Counts the open event streams of the console, so that a process holds no more than it may."""

from collections.abc import Iterator
from contextlib import contextmanager


class OpenStreams:
    """The streams that are open.

    Args:
        most: how many may be open at once.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._open = 0

    @property
    def full(self) -> bool:
        """Whether as many are open as may."""
        return self._open >= self.most

    @contextmanager
    def one(self) -> Iterator[None]:
        """Counts a stream until the context ends."""
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
