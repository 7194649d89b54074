"""Ends a process with its parent, also where that is killed and can say nothing: a pipe closes then."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def lifeline(descriptor: int, parent_ended: Callable[[], object]) -> Iterator[None]:
    """Calls back once the other end of a pipe is closed, while the context lasts.

    Args:
        descriptor: the pipe's end to read, into which nobody writes.
        parent_ended: called by the event loop; must return at once.
    """
    loop = asyncio.get_running_loop()

    def closed() -> None:
        loop.remove_reader(descriptor)
        parent_ended()

    os.set_blocking(descriptor, False)
    loop.add_reader(descriptor, closed)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
