"""Health checks of the store: each makes the kind of request that jobs make, so that it fails where theirs fail."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from schemas.enums import AudioEncoding
from worker.lifecycle.clock import Clock
from worker.lifecycle.dependency import REFUSED, UNREACHABLE, DependencyDownError, Outage
from worker.storage.causes import FULL
from worker.storage.errors import NotATakeError, StorageError, StorageRefusedError, StorageUnavailableError
from worker.storage.stored_documents import SLOWEST_BYTES_S
from worker.storage.take_store import TakeStore
from worker.storage.takes import StoredTake, probe_key

# A store that takes longer than this to answer is too slow for any job.
_PROBE_S: Final = 3.0
# A new session costs up to 200 ms of CPU time.
_REOPEN_AFTER_S: Final = 15.0
# An upload finds out by its size whether there is room again; a large take's would take long to find out.
_LARGEST_PROBE: Final = 4 * 2**20
_SMALLEST_PROBE: Final = 1024


class StoreProbes:
    """The probes of one bucket.

    Where nothing has worked for 15 s, a probe begins anew from the settings: the keys in a shared credentials file may
    have been renewed.

    Args:
        prefix: of the takes' keys in the bucket.
    """

    def __init__(self, store: TakeStore, prefix: str, clock: Clock) -> None:
        self._store = store
        self._prefix = prefix
        self._clock = clock
        self._failing_since: float | None = None
        self._upload_bytes = _SMALLEST_PROBE

    async def check_start(self) -> None:
        """Checks the bucket and an upload, before the first job.

        Raises:
            StorageError: `outage_at_start` says which errors are waited out.
        """
        await self._store.check_bucket()
        await self._try_upload()

    async def look_up(self) -> None:
        """Looks up a key that nothing is stored under.

        Raises:
            DependencyDownError: the bucket or the look-up fails.
        """
        async with self._checking(_PROBE_S, "answers no look-ups"):
            key = probe_key(self._prefix, "look-up")
            try:
                is_there = await self._store.look_up(key) is not None
            except NotATakeError:
                is_there = True
            if is_there:
                raise StorageUnavailableError(f"look-up of {key}: nobody stored that; is a proxy in between?")

    async def upload(self) -> None:
        """Stores an object under a key of its own as takes are stored, and removes it again.

        Where the keys may not remove objects it stays; a lifecycle rule for `<prefix>/.probe-` removes it.

        Raises:
            DependencyDownError: the bucket or the upload fails.
        """
        async with self._checking(_PROBE_S + self._upload_bytes / SLOWEST_BYTES_S, "takes no uploads"):
            await self._try_upload()

    async def _try_upload(self) -> None:
        body = bytes(self._upload_bytes)
        key = probe_key(self._prefix, secrets.token_hex(8))
        sha256 = hashlib.sha256(body).hexdigest()
        take = StoredTake(key, len(body), sha256, 0.0, AudioEncoding.OGG_OPUS, 24_000, "probe")
        await self._store.try_upload(take, body)
        with suppress(StorageError):
            await self._store.remove(key)
        self._upload_bytes = _SMALLEST_PROBE

    def failed(self, error: StorageError, upload_bytes: int) -> None:
        """Notes a job's failed upload: where the store is full, there is no room for so much."""
        if error.cause is FULL:
            self._upload_bytes = min(max(self._upload_bytes, upload_bytes), _LARGEST_PROBE)

    @asynccontextmanager
    async def _checking(self, timeout_s: float, state: str) -> AsyncIterator[None]:
        """Checks the bucket, then what happens inside.

        Args:
            timeout_s: of both together.
            state: of a bucket that can be reached, when what happens inside fails for no known reason.
        """
        reached = False
        try:
            async with asyncio.timeout(timeout_s):
                await self._store.check_bucket()
                reached = True
                yield
        except TimeoutError:
            error = StorageUnavailableError(f"no answer within {timeout_s:g} s")
            raise await self._down(error, state if reached else None) from None
        except StorageError as error:
            raise await self._down(error, state if reached else None) from error
        self._failing_since = None

    async def _down(self, error: StorageError, state: str | None) -> DependencyDownError:
        now = self._clock.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        elif now - self._failing_since >= _REOPEN_AFTER_S:
            self._failing_since = now
            try:
                await self._store.reopen()
            except StorageRefusedError as refused:
                error = refused
        return DependencyDownError(_outage(self._store.bucket, error, state))


def outage_at_start(bucket: str) -> Callable[[Exception], Outage | None]:
    """Classifies errors at the start: an outage is waited out; no bucket, or wrong keys or settings, end the start.

    A store that is full is waited for, too: once there is room, no restart is needed.
    """

    def classify(error: Exception) -> Outage | None:
        if isinstance(error, StorageUnavailableError) or (isinstance(error, StorageError) and error.cause is FULL):
            return _outage(bucket, error, None)
        return None

    return classify


def _outage(bucket: str, error: StorageError, state: str | None) -> Outage:
    cause = error.cause
    if cause is not None:
        return Outage(cause.reason, f"S3: bucket {bucket} {cause.state}", error.message, cause.advice)
    if isinstance(error, StorageRefusedError):
        advice = "check S3_BUCKET, the keys and what they may do: GetObject, PutObject and ListBucket"
        return Outage(REFUSED, f"S3: bucket {bucket} {state or 'is refused'}", error.message, advice)
    if state is not None:
        advice = "check the store: is the bucket full or read-only, or the store overloaded?"
        return Outage(UNREACHABLE, f"S3: bucket {bucket} {state}", error.message, advice)
    advice = "check the store, S3_ENDPOINT_URL and the network on the way to it"
    return Outage(UNREACHABLE, f"S3: bucket {bucket} can't be reached", error.message, advice)
