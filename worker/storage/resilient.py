"""The store as jobs use it: it waits out outages, and meanwhile keeps paid audio in memory, within a bound."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

import structlog

from worker.lifecycle.clock import Clock
from worker.lifecycle.dependency import Sleep
from worker.lifecycle.probed_dependency import Probe, ProbedDependency
from worker.storage.errors import StorageError, StorageRefusedError, StorageUnavailableError
from worker.storage.recent_takes import RecentTakes
from worker.storage.refused_folders import RefusedFolders
from worker.storage.take_store import TakeStore
from worker.storage.takes import StoredTake

# Back-off after a failure while the store answers others: as many tries as botocore makes, no sooner than S3 allows.
_PAUSES_S: Final = (0.2, 1.0)
_log = structlog.get_logger(__name__)
T = TypeVar("T")


class Probes(Protocol):
    """Makes the kinds of requests that jobs make; `worker/storage/probes.py` has them."""

    async def look_up(self) -> None:
        """Looks something up, or raises `DependencyDownError`."""

    async def upload(self) -> None:
        """Uploads something, or raises `DependencyDownError`."""

    def failed(self, error: StorageError, upload_bytes: int) -> None:
        """Is called with a job's upload that failed."""


class ResilientStore:
    """Looks up and stores takes, through outages.

    Args:
        dependency: probes the store after a failure, and knows whether it is down.
        probes: what a failed look-up or upload is probed by.
        recent: takes that need no look-up.
        kept_bytes: the most audio that waits for the store in memory, over all jobs.
    """

    def __init__(
        self,
        store: TakeStore,
        dependency: ProbedDependency,
        probes: Probes,
        *,
        recent: RecentTakes,
        kept_bytes: int,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._store = store
        self._dependency = dependency
        self._probes = probes
        self._recent = recent
        self._room = kept_bytes
        self._clock = clock
        self._sleep = sleep
        self._refused_folders = RefusedFolders()

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._store.bucket

    @property
    def is_up(self) -> bool:
        """Whether takes can be looked up and stored, as far as is known."""
        return self._dependency.is_up

    async def look_up(self, key: str, check: Callable[[], None]) -> StoredTake | None:
        """The stored take of a key, or None; waits while the store is down. A recent take costs no request.

        Nothing is paid for while it can't be stored: this waits, too, while only uploads fail.

        Args:
            key: the take's key.
            check: called after every wait; raises the error that ends the job, if it must end.

        Raises:
            StorageUnavailableError: the request failed three times while the store answered others.
            StorageRefusedError: the store refused the request three times, and answered others; or there is no such
                take, and the store refuses uploads to its folder.
        """
        recent = self._recent.find(key, self._clock.monotonic())
        if recent is not None:
            return recent
        if not self._dependency.is_up:
            await self._dependency.wait_while_down(self._probes.look_up)
            check()
        stored = await self._with_retries(lambda: self._store.look_up(key), self._probes.look_up, lambda _: None, check)
        if stored is None:
            self._refused_folders.check(key, self._clock.monotonic())
        else:
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

        def keep(error: StorageError) -> None:
            nonlocal kept
            self._probes.failed(error, len(audio))
            if kept:
                return
            if len(audio) > self._room:
                raise StorageUnavailableError(f"upload of {take.key}: failed, and too much audio (KEPT_AUDIO_MB) waits")
            kept = len(audio)
            self._room -= kept

        try:
            stored = await self._with_retries(
                lambda: self._store.store(take, audio), self._probes.upload, keep, lambda: None
            )
        except StorageRefusedError as error:
            self._note_refusal(take.key, error)
            raise
        finally:
            self._room += kept
        self._refused_folders.add_success(take.key)
        self._recent.add(stored, self._clock.monotonic())
        return stored

    async def fetch(self, key: str) -> bytes:
        """The audio of a stored take, by one request: whoever listens won't wait for the end of an outage.

        Raises:
            StorageUnavailableError: the store couldn't answer.
            StorageRefusedError: there is no such object, or it may not be read.
        """
        return await self._store.fetch(key)

    def _note_refusal(self, key: str, error: StorageRefusedError) -> None:
        if self._refused_folders.add_refusal(key, error, self._clock.monotonic()):
            detail = "the store takes other uploads; jobs for this folder fail unpaid until it takes theirs"
            _log.error("uploads_refused", key=key, message=str(error), detail=detail)

    async def _with_retries(
        self,
        request: Callable[[], Awaitable[T]],
        probe: Probe,
        after_failure: Callable[[StorageError], None],
        before_retry: Callable[[], None],
    ) -> T:
        pauses = iter((*_PAUSES_S, None))
        pause: float | None = next(pauses)
        while True:
            ended, began = self._dependency.ended_outages, self._clock.monotonic()
            try:
                return await request()
            except StorageError as error:
                after_failure(error)
                # The last failure ends the job: a probe from before it doesn't show that the failure is the job's own.
                since = began if pause is None else None
                if await self._dependency.probe_after_failure(ended, probe, failed_since=since):
                    if pause is None:
                        raise
                    # Refusals are tried again too: a store that has just come up, or new keys, may need a moment.
                    await self._sleep(random.uniform(pause / 2, pause))
                    pause = next(pauses)
            before_retry()
