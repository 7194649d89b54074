"""Requests for many objects, each for itself: one that fails is tried again, then given up, and the rest go on."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from worker.lifecycle.dependency import Sleep
from worker.storage.errors import NotATakeError, StorageError, StorageUnavailableError, StoreUnusableError

_PAUSES_S: Final = (1.0, 3.0)
# So many failures without a success in between are no accident of single objects.
_MOST_IN_A_ROW: Final = 10
T = TypeVar("T")


class ManyRequests:
    """Sends requests for a command that goes through many objects: a bad moment costs one, an outage ends it."""

    def __init__(self, *, sleep: Sleep = asyncio.sleep) -> None:
        self._sleep = sleep
        self._failed_in_a_row = 0

    async def send(self, request: Callable[[], Awaitable[T]]) -> T | StorageError:
        """Sends a request, up to three times while the store can't answer it.

        Returns:
            The answer; or the error, if this request alone is given up.

        Raises:
            StorageError: ten requests in a row were given up, or the store refuses everything.
            NotATakeError: the object is no take.
        """
        # A caller may go on after the tenth refusal, to say of each object what became of it: without a pause for each.
        pauses = _PAUSES_S if self._failed_in_a_row < _MOST_IN_A_ROW else ()
        for pause in (*pauses, None):
            try:
                answer = await request()
            except (NotATakeError, StoreUnusableError):
                raise
            except StorageError as error:
                if pause is None or not isinstance(error, StorageUnavailableError):
                    return self._give_up(error)
                await self._sleep(pause)
            else:
                break
        self._failed_in_a_row = 0
        return answer

    def _give_up(self, error: StorageError) -> StorageError:
        self._failed_in_a_row += 1
        if self._failed_in_a_row < _MOST_IN_A_ROW:
            return error
        if isinstance(error, StorageUnavailableError):
            times = len(_PAUSES_S) + 1
            raise StorageUnavailableError(
                f"the store is down: {self._failed_in_a_row} requests in a row failed, each {times} times; "
                f"the last one: {error.message}; once it answers, run the same command again",
                error.cause,
            ) from error
        raise error
