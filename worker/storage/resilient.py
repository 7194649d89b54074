"""The store as jobs use it: it waits out outages, and keeps audio that is paid for meanwhile, within a bound."""

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

# After a failure while the store answers others: as often as botocore would have, and no sooner than S3 asks for.
_PAUSES_S: Final = (0.2, 1.0)
# A store that takes longer than this to say that its bucket is there is of no use to anybody who waits.
_PROBE_S: Final = 3.0
T = TypeVar("T")


def probe_of(store: TakeStore) -> Probe:
    """A probe that asks for the bucket."""

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
    """Tells, at the start, a store that is down from what waiting doesn't mend: no bucket, wrong keys or settings."""
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
        store: the store itself.
        watch: settles whether it is down.
        known: the takes that needn't be looked up.
        kept_bytes: how much audio may wait for it, over all jobs.
        clock: tells how long a take is known.
        sleep: sleeps for some seconds.
    """

    def __init__(
        self,
        store: TakeStore,
        watch: ProbedDependency,
        known: RecentTakes,
        kept_bytes: int,
        clock: Clock,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._store = store
        self._watch = watch
        self._known = known
        self._room = kept_bytes
        self._clock = clock
        self._sleep = sleep

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._store.bucket

    async def look_up(self, key: str, check: Callable[[], None]) -> StoredTake | None:
        """The stored take of a key, or None; waits while the store is down. A known take is not asked for.

        Args:
            key: of the take.
            check: raises what ends the job; called before every try but the first.

        Raises:
            StorageUnavailableError: the store answers others, and failed this three times.
            StorageRefusedError: it answers others, and refused this three times.
        """
        known = self._known.find(key, self._clock.monotonic())
        if known is not None:
            return known
        stored = await self._patiently(lambda: self._store.look_up(key), lambda: None, check)
        if stored is not None:
            self._known.saw(stored, self._clock.monotonic())
        return stored

    async def store(self, take: StoredTake, audio: bytes) -> StoredTake:
        """Stores a take unless one is there already, and says which one counts; waits while the store is down.

        Raises:
            StorageUnavailableError: the store answers others, and failed this three times; or it is down and more
                audio waits for it than may. The audio is let go.
            StorageRefusedError: it answers others, and refused this three times.
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
            stored = await self._patiently(lambda: self._store.store(take, audio), keep, lambda: None)
        finally:
            self._room += kept
        self._known.saw(stored, self._clock.monotonic())
        return stored

    async def _patiently(
        self, step: Callable[[], Awaitable[T]], after_failure: Callable[[], None], before_again: Callable[[], None]
    ) -> T:
        pauses = iter(_PAUSES_S)
        while True:
            ended = self._watch.ended_outages
            try:
                return await step()
            except StorageError:
                after_failure()
                if await self._watch.probe_after_failure(ended):
                    # Also what is refused: a store that has just come up, or new keys, may need a moment.
                    pause = next(pauses, None)
                    if pause is None:
                        raise
                    await self._sleep(random.uniform(pause / 2, pause))
            before_again()
