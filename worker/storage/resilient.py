"""The store as jobs use it: it waits out outages, and meanwhile keeps paid audio in memory, within a bound."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from worker.lifecycle.clock import Clock
from worker.lifecycle.dependency import REFUSED, UNREACHABLE, DependencyDownError, Outage, Sleep
from worker.lifecycle.probed_dependency import Probe, ProbedDependency
from worker.storage.errors import StorageError, StorageRefusedError, StorageUnavailableError
from worker.storage.recent_takes import RecentTakes
from worker.storage.take_store import TakeStore
from worker.storage.takes import StoredTake

# Back-off after a failure while the store answers others: as many tries as botocore makes, no sooner than S3 allows.
_PAUSES_S: Final = (0.2, 1.0)
# A store that takes longer than this to confirm its bucket is too slow for any job.
_PROBE_S: Final = 3.0
T = TypeVar("T")


def store_probe(store: TakeStore) -> Probe:
    """A health check of the store: does the bucket exist?"""

    async def probe() -> None:
        try:
            async with asyncio.timeout(_PROBE_S):
                await store.check_bucket()
        except TimeoutError:
            raise DependencyDownError(
                _outage(store.bucket, StorageUnavailableError(f"no answer within {_PROBE_S:g} s"))
            ) from None
        except StorageError as error:
            raise DependencyDownError(_outage(store.bucket, error)) from error

    return probe


def outage_at_start(bucket: str) -> Callable[[Exception], Outage | None]:
    """Classifies errors at the start: an outage is waited out; no bucket, or wrong keys or settings, end the start."""
    return lambda error: _outage(bucket, error) if isinstance(error, StorageUnavailableError) else None


def _outage(bucket: str, error: StorageError) -> Outage:
    if isinstance(error, StorageRefusedError):
        advice = "check S3_BUCKET, the keys and what they may do: GetObject, PutObject and ListBucket"
        return Outage(REFUSED, f"S3: bucket {bucket} is refused", str(error), advice)
    advice = "check the store, S3_ENDPOINT_URL and the network on the way to it"
    return Outage(UNREACHABLE, f"S3: bucket {bucket} can't be reached", str(error), advice)


class ResilientStore:
    """Looks up and stores takes, through outages.

    Args:
        dependency: probes the store after a failure, and knows whether it is down.
        recent: takes that need no look-up.
        kept_bytes: the most audio that waits for the store in memory, over all jobs.
    """

    def __init__(
        self,
        store: TakeStore,
        dependency: ProbedDependency,
        recent: RecentTakes,
        kept_bytes: int,
        clock: Clock,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._store = store
        self._dependency = dependency
        self._recent = recent
        self._room = kept_bytes
        self._clock = clock
        self._sleep = sleep

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._store.bucket

    async def look_up(self, key: str, check: Callable[[], None]) -> StoredTake | None:
        """The stored take of a key, or None; waits while the store is down. A recent take costs no request.

        Args:
            key: the take's key.
            check: called before every try but the first; raises the error that ends the job, if it must end.

        Raises:
            StorageUnavailableError: the request failed three times while the store answered others.
            StorageRefusedError: the store refused the request three times, and answered others.
        """
        recent = self._recent.find(key, self._clock.monotonic())
        if recent is not None:
            return recent
        stored = await self._with_retries(lambda: self._store.look_up(key), lambda: None, check)
        if stored is not None:
            self._recent.add(stored, self._clock.monotonic())
        return stored

    async def store(self, take: StoredTake, audio: bytes) -> StoredTake:
        """Stores a take unless its key is taken, and returns the stored one; waits while the store is down.

        Raises:
            StorageUnavailableError: the upload failed three times while the store answered others; or the store is down
                and too much audio waits for it. The audio is dropped.
            StorageRefusedError: the store refused the upload three times, and answered others.
        """
        kept = 0

        def keep() -> None:
            nonlocal kept
            if kept:
                return
            if len(audio) > self._room:
                raise StorageUnavailableError(f"upload of {take.key}: failed, and too much audio (KEPT_AUDIO_MB) waits")
            kept = len(audio)
            self._room -= kept

        try:
            stored = await self._with_retries(lambda: self._store.store(take, audio), keep, lambda: None)
        finally:
            self._room += kept
        self._recent.add(stored, self._clock.monotonic())
        return stored

    async def _with_retries(
        self, request: Callable[[], Awaitable[T]], after_failure: Callable[[], None], before_retry: Callable[[], None]
    ) -> T:
        pauses = iter(_PAUSES_S)
        while True:
            ended = self._dependency.ended_outages
            try:
                return await request()
            except StorageError:
                after_failure()
                if await self._dependency.probe_after_failure(ended):
                    # Refusals are tried again too: a store that has just come up, or new keys, may need a moment.
                    pause = next(pauses, None)
                    if pause is None:
                        raise
                    await self._sleep(random.uniform(pause / 2, pause))
            before_retry()
