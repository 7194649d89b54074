"""Requests that wait for completions: each job's waiters are woken by its completion, within a bound."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from schemas.errors import ChirpWorkerError


class TooManyWaitersError(ChirpWorkerError):
    """As many requests wait as may; none was sent."""


class StoppingError(ChirpWorkerError):
    """The process is about to stop; whoever waits asks another one."""


class Waiter:
    """One request that waits for a job's completion."""

    def __init__(self) -> None:
        self._completed: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def wait(self, timeout_s: float, unless: Iterable[asyncio.Future[Any]] = ()) -> bytes | None:
        """The value of the completion's record; None if none came in time.

        Args:
            unless: ends the wait when one of them is done, as if the time were over.

        Raises:
            StoppingError: the process stops meanwhile.
        """
        await asyncio.wait((self._completed, *unless), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        return self._completed.result() if self._completed.done() else None

    def complete(self, record: bytes) -> None:
        """Ends the wait."""
        if not self._completed.done():
            self._completed.set_result(record)

    def stop(self) -> None:
        """Ends the wait with `StoppingError`."""
        if not self._completed.done():
            self._completed.set_exception(StoppingError("the process is about to stop"))
            # Whoever has just given up doesn't fetch it, and asyncio would log that.
            self._completed.exception()


class Waiters:
    """All requests that wait in this process.

    Args:
        most: how many may wait at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._stopping = False
        self._by_job: dict[str, set[Waiter]] = {}

    def __len__(self) -> int:
        return self._count

    @contextmanager
    def waiting(self, job_id: str) -> Iterator[Waiter]:
        """Registers a waiter, until the context ends. Begin before the job is sent: its completion may be fast.

        Raises:
            TooManyWaitersError: as many wait as may.
            StoppingError: the process is about to stop.
        """
        if self._stopping:
            raise StoppingError("the process is about to stop")
        if self._count >= self._most:
            raise TooManyWaitersError(f"{self._count} requests wait for completions, as many as may")
        waiter = Waiter()
        of_job = self._by_job.setdefault(job_id, set())
        of_job.add(waiter)
        self._count += 1
        try:
            yield waiter
        finally:
            self._count -= 1
            of_job.discard(waiter)
            if not of_job:
                self._by_job.pop(job_id, None)

    def complete(self, job_id: str, record: bytes) -> None:
        """Wakes those who wait for a job."""
        for waiter in self._by_job.get(job_id, ()):
            waiter.complete(record)

    def stop(self) -> None:
        """Ends all waits with `StoppingError`, and lets nobody wait any more."""
        self._stopping = True
        for of_job in self._by_job.values():
            for waiter in of_job:
                waiter.stop()
