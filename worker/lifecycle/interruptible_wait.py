"""A wait that may be interrupted: for as long as a job waits, it may be cancelled and handed back to its queue."""

from contextlib import AbstractContextManager
from typing import Protocol


class InterruptibleWait(Protocol):
    """Marks where a job waits for something that may take any time, such as quota or another job's take.

    Whoever runs the job may cancel it inside of the context that this returns: a rebalance or a shutdown doesn't wait
    for it, and it is done again later, by this worker or another.
    """

    def __call__(self) -> AbstractContextManager[None]:
        """Returns the context to wait in."""
