"""Single flight: work that many jobs request at once is done once; one job does it, the others wait for its result."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import nullcontext
from typing import Generic, TypeVar

from schemas.errors import ChirpWorkerError
from worker.lifecycle.interruptible_wait import InterruptibleWait

T = TypeVar("T")


class StillInFlightError(ChirpWorkerError):
    """Another job was still at work when this job could wait no longer."""


class SingleFlight(Generic[T]):
    """The work that is under way, by key; jobs of different keys never wait for each other.

    The work runs in the task of the job that came first. If that job is cancelled or ends by an exception, there is no
    result, and the first of the waiting jobs does the work. A waiting job that is cancelled affects no other.

    Args:
        is_transient: whether a result is a failure that another call may not have. Then one of the waiting jobs does
            the work once more, and all share that result.
    """

    def __init__(self, is_transient: Callable[[T], bool]) -> None:
        self._is_transient = is_transient
        self._in_flight: dict[Hashable, asyncio.Future[T | None]] = {}

    async def run(
        self,
        key: Hashable,
        work: Callable[[], Awaitable[T]],
        *,
        patience_s: float | None,
        waiting: InterruptibleWait = nullcontext,
    ) -> tuple[T, bool]:
        """Does the work, unless another job is at it: then waits for that job's result.

        Args:
            key: jobs of the same key share a result.
            work: its result must not be None.
            patience_s: for how long the job waits for others in all, in seconds; None for as long as they take.
            waiting: entered while the job waits for others.

        Returns:
            The result, and whether this job did the work.

        Raises:
            StillInFlightError: others were at work for all of `patience_s`.
        """
        until = None if patience_s is None else asyncio.get_running_loop().time() + max(0.0, patience_s)
        results_seen = 0
        while (in_flight := self._in_flight.get(key)) is not None:
            try:
                with waiting():
                    async with asyncio.timeout_at(until):
                        # One job's cancellation is no other's.
                        result = await asyncio.shield(in_flight)
            except TimeoutError:
                raise StillInFlightError from None
            if result is None:
                continue
            results_seen += 1
            if results_seen > 1 or not self._is_transient(result):
                return result, False
        return await self._work(key, work), True

    async def _work(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        in_flight = self._in_flight[key] = asyncio.get_running_loop().create_future()
        result: T | None = None
        try:
            result = await work()
            return result
        finally:
            del self._in_flight[key]
            in_flight.set_result(result)
