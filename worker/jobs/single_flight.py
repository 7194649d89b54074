"""A take that many jobs ask for at once is made once: one makes it, the others wait for what comes of that."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

from schemas.completion import Attempt
from schemas.words import FailureClass
from worker.jobs.outcome import Waiting
from worker.speech.failures import Failure
from worker.storage.errors import StorageError
from worker.storage.takes import StoredTake

# What another call for the same take may well not meet.
_BY_CHANCE: Final = frozenset({FailureClass.TRANSIENT, FailureClass.BAD_AUDIO})


class StillInFlightError(Exception):
    """Others were at it for as long as the job could wait."""


@dataclass(frozen=True)
class Made:
    """What came of making a take: the take, `cached` where it was stored before; or a failure; or the store's error.

    `attempt` is the failed one as it is counted.
    """

    take: StoredTake | None = None
    cached: bool = False
    failure: Failure | None = None
    attempt: Attempt | None = None
    error: StorageError | None = None


class SingleFlight:
    """The takes that are being made, each under what tells those apart that don't wait for each other.

    Each is made in the task of the job that asked first. If that job is cancelled or ends by an exception, nothing was
    made, and of the jobs that wait the first makes it. One that waits and is cancelled is missed by nobody.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Future[Made | None]] = {}

    async def once(
        self,
        key: Hashable,
        make: Callable[[], Awaitable[Made]],
        *,
        patience_s: float | None,
        waiting: Waiting = nullcontext,
    ) -> tuple[Made, bool]:
        """Makes a take, unless another job is at it: then waits for what comes of that.

        A failure that is one call's bad luck is met neither by a call for each job that waits, nor by all of them: one
        of them makes it once more, and what comes of that is everybody's.

        Args:
            key: of the take, and of whose jobs.
            make: makes it.
            patience_s: for how long it waits for others in all, in seconds; None for as long as they take.
            waiting: entered while it waits for others.

        Returns:
            What came of it, and whether this job made it.

        Raises:
            StillInFlightError: others were at it for all of `patience_s`.
        """
        until = None if patience_s is None else asyncio.get_running_loop().time() + max(0.0, patience_s)
        waited_for = 0
        while (under_way := self._under_way.get(key)) is not None:
            try:
                with waiting():
                    async with asyncio.timeout_at(until):
                        # One job's cancellation is no other's.
                        made = await asyncio.shield(under_way)
            except TimeoutError:
                raise StillInFlightError from None
            waited_for += made is not None
            if made is not None and _suffices(made, waited_for):
                return made, False
        return await self._make(key, make), True

    async def _make(self, key: Hashable, make: Callable[[], Awaitable[Made]]) -> Made:
        under_way = self._under_way[key] = asyncio.get_running_loop().create_future()
        made: Made | None = None
        try:
            made = await make()
            return made
        finally:
            del self._under_way[key]
            under_way.set_result(made)


def _suffices(made: Made, waited_for: int) -> bool:
    return made.failure is None or made.failure.failure_class not in _BY_CHANCE or waited_for > 1
