"""Takes in an S3-compatible store: look-up and conditional upload."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final, TypeVar

from botocore.exceptions import ClientError
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from worker.storage.errors import NotATakeError, StorageError, StorageRefusedError, StorageUnavailableError
from worker.storage.metadata import take_from_metadata, take_metadata
from worker.storage.reopenable import ReopenableClient
from worker.storage.s3_errors import (
    STORE_ERRORS,
    has_code,
    http_status,
    is_no_such_key,
    is_stored_already,
    storage_error,
)
from worker.storage.stored_documents import SLOWEST_BYTES_S, StoredDocuments
from worker.storage.takes import CACHE_CONTROL, StoredTake, content_type, is_beside_takes

T = TypeVar("T")
Send = Callable[[Any], Awaitable[T]]
"""Sends one request by boto's client."""
_CONFLICT_TRIES: Final = 5


class TakeStore:
    """The stored takes of one bucket; each request gets `timeout_s` seconds, an upload more by its size."""

    def __init__(self, client: ReopenableClient, bucket: str, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self.bucket = bucket
        self.documents = StoredDocuments(client, timeout_s)

    async def reopen(self) -> None:
        """Begins anew from the settings: a new session reads the credentials file again.

        Raises:
            StorageRefusedError: the settings are unusable.
        """
        await self._client.reopen()

    async def check_bucket(self) -> None:
        """Checks that the bucket can be reached with the configured keys.

        Raises:
            StorageUnavailableError: the store doesn't answer.
            StorageRefusedError: there is no such bucket, or the keys may not use it.
        """
        doing = f"bucket {self.bucket}"
        try:
            await self._request(doing, lambda client: client.head_bucket(Bucket=self.bucket))
        except StorageRefusedError as error:
            if has_code(error):
                raise
            # An answer to HEAD has no body, and so doesn't say why. The same keys may do both.
            await self._request(doing, lambda client: client.list_objects_v2(Bucket=self.bucket, MaxKeys=1))
            raise

    async def look_up(self, key: str) -> StoredTake | None:
        """The stored take of a key, or None.

        Raises:
            StorageUnavailableError: the store couldn't answer.
            StorageRefusedError: the store refused the request, or the object is no take.
        """
        try:
            async with asyncio.timeout(self._timeout_s), self._client.use() as client:
                # A missing bucket looks like a missing object, since an answer to HEAD has no body. The upload will
                # fail, and say so.
                found = await client.objects.head(key)
        except STORE_ERRORS as error:
            raise storage_error(f"look-up of {key}", error) from error
        return None if found is None else take_from_metadata(key, *found)

    async def store(self, take: StoredTake, audio: bytes) -> StoredTake:
        """Stores a take unless its key is taken.

        Returns:
            The given take, or the one that was stored first.

        Raises:
            StorageUnavailableError: the store couldn't answer.
            StorageRefusedError: the store refused the request.
        """
        try:
            await self._put_while_conflicts(take, audio)
        except STORE_ERRORS as error:
            if not is_stored_already(error):
                raise storage_error(f"upload of {take.key}", error) from error
        else:
            return take
        first = await self.look_up(take.key)
        if first is None:
            raise StorageUnavailableError(f"upload of {take.key}: refused since it exists already, but then it did not")
        return first

    async def try_upload(self, take: StoredTake, audio: bytes) -> None:
        """Stores a take under a new key, with one request.

        Raises:
            StorageUnavailableError: the store couldn't answer.
            StorageRefusedError: the store refused the request, or the key is taken.
        """
        try:
            await self._put_if_new(take, audio)
        except STORE_ERRORS as error:
            raise storage_error(f"upload of {take.key}", error) from error

    async def remove(self, key: str) -> None:
        """Removes an object.

        Raises:
            StorageUnavailableError: the store couldn't answer.
            StorageRefusedError: the store refused the request.
        """
        await self._request(f"removal of {key}", lambda client: client.delete_object(Bucket=self.bucket, Key=key))

    async def _request(self, doing: str, send: Send[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout_s), self._client.use() as client:
                return await send(client.boto)
        except STORE_ERRORS as error:
            raise storage_error(doing, error) from error

    async def _put_while_conflicts(self, take: StoredTake, audio: bytes) -> None:
        try:
            await self._put_if_new(take, audio)
        except ClientError as error:
            if not _is_conflict(error):
                raise
        else:
            return
        # 409: another PUT of the key is under way, and S3 asks for another try. Tenacity's objects are made only now,
        # since they would cost each job a tenth of a millisecond.
        retrying = AsyncRetrying(
            retry=retry_if_exception(_is_conflict),
            stop=stop_after_attempt(_CONFLICT_TRIES - 1),
            wait=wait_random_exponential(multiplier=0.05, max=1),
            reraise=True,
        )
        await retrying(self._put_if_new, take, audio)

    async def _put_if_new(self, take: StoredTake, audio: bytes) -> None:
        # The client's own timeout begins when everything is sent: a store that reads nothing would hang it for ever.
        async with asyncio.timeout(self._timeout_s + len(audio) / SLOWEST_BYTES_S), self._client.use() as client:
            is_stored = await client.objects.put_if_new(
                take.key,
                audio,
                sha256=take.sha256,
                headers={
                    "content-type": content_type(take.encoding, take.sample_rate),
                    "cache-control": CACHE_CONTROL,
                },
                metadata=take_metadata(take),
            )
        if not is_stored:
            await self._check_stored(take)

    async def _check_stored(self, take: StoredTake) -> None:
        """Looks up what was stored with an answer that isn't a store's: a proxy's page may have status 200, too."""
        try:
            stored = await self.look_up(take.key)
        except NotATakeError:
            stored = None
        if stored is None or stored.sha256 != take.sha256:
            raise StorageUnavailableError(
                f"upload of {take.key}: the answer isn't a store's, and the object isn't there; is a proxy in between?"
            )

    async def fetch(self, key: str) -> bytes:
        """The audio of a stored take.

        Raises:
            StorageUnavailableError: the store couldn't answer.
            StorageRefusedError: there is no such object, or it may not be read.
        """
        found = await self._get(key)
        if found is None:
            raise StorageRefusedError(f"download of {key}: it isn't there")
        return found[0]

    async def fetch_whole(self, key: str) -> tuple[StoredTake, bytes] | None:
        """A stored take with its audio; None if there is no such object.

        Raises:
            StorageUnavailableError: the store couldn't answer.
            NotATakeError: the object has no take's metadata.
            StorageRefusedError: it may not be read.
        """
        found = await self._get(key)
        if found is None:
            return None
        audio, metadata = found
        return take_from_metadata(key, len(audio), metadata), audio

    async def _get(self, key: str) -> tuple[bytes, dict[str, str]] | None:
        try:
            async with self._client.use() as client:
                return await client.objects.get(key)
        except STORE_ERRORS as error:
            if is_no_such_key(error):
                return None
            raise storage_error(f"download of {key}", error) from error

    async def presigned_url(self, key: str, valid_s: int) -> str:
        """An address by which anybody reads an object, without keys, for so many seconds. Nothing is requested.

        Raises:
            StorageUnavailableError, StorageRefusedError: there are no credentials to sign it with.
        """
        named = {"Bucket": self.bucket, "Key": key}
        try:
            async with asyncio.timeout(self._timeout_s), self._client.use() as client:
                return str(await client.boto.generate_presigned_url("get_object", Params=named, ExpiresIn=valid_s))
        except STORE_ERRORS as error:
            raise storage_error(f"presigned address of {key}", error) from error

    async def keys(self, prefix: str) -> AsyncGenerator[list[str], None]:
        """All keys under a prefix, in batches; those of probes and reports are left out.

        Raises:
            StorageUnavailableError: the store couldn't answer.
            StorageRefusedError: the bucket may not be listed.
        """
        try:
            async with self._client.use() as client:
                pages = client.boto.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
                async for page in pages:
                    yield [entry["Key"] for entry in page.get("Contents", ()) if not is_beside_takes(entry["Key"])]
        except STORE_ERRORS as error:
            raise storage_error(f"list of {prefix}", error) from error

    async def probe_conditional_put(self, key: str) -> bool:
        """Checks that the store honours `If-None-Match: *`: puts a small object twice, and removes it if the keys may.

        Args:
            key: of no object yet.

        Returns:
            Whether the store refuses the second PUT, as it must.

        Raises:
            StorageUnavailableError: the store couldn't answer.
            StorageRefusedError: the store refused the first PUT.
        """
        body = b"probe"
        sha256 = hashlib.sha256(body).hexdigest()
        refused = False
        try:
            async with asyncio.timeout(self._timeout_s), self._client.use() as client:
                await client.objects.put_if_new(key, body, sha256=sha256, headers={}, metadata={})
                try:
                    await client.objects.put_if_new(key, body, sha256=sha256, headers={}, metadata={})
                except ClientError as error:
                    if not is_stored_already(error):
                        raise
                    refused = True
        except STORE_ERRORS as error:
            raise storage_error(f"PUT of {key}", error) from error
        with suppress(StorageError):
            await self.remove(key)
        return refused


def _is_conflict(error: BaseException) -> bool:
    return isinstance(error, ClientError) and http_status(error) == HTTPStatus.CONFLICT
