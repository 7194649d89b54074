"""Takes in an S3-compatible store: look-up and conditional upload."""

import asyncio
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Any, Final

from botocore.exceptions import ClientError
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from worker.storage.errors import StorageRefusedError, StorageUnavailableError
from worker.storage.metadata import take_from_metadata, take_metadata
from worker.storage.s3_errors import STORE_ERRORS, http_status, storage_error
from worker.storage.takes import CONTENT_TYPES, StoredTake

_CONFLICT_TRIES: Final = 5
# An upload that is slower than 2 Mbit/s counts as hanging.
_SLOWEST_BYTES_S: Final = 250_000


class TakeStore:
    """The stored takes of one bucket; each request gets `timeout_s` seconds, an upload more by its size."""

    def __init__(self, client: Any, bucket: str, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self.bucket = bucket

    async def check_bucket(self) -> None:
        """Checks that the bucket can be reached with the configured keys.

        Raises:
            StorageUnavailableError: the store doesn't answer.
            StorageRefusedError: there is no such bucket, or the keys may not use it.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._client.head_bucket(Bucket=self.bucket)
        except STORE_ERRORS as error:
            raise storage_error(f"bucket {self.bucket}", error) from error

    async def look_up(self, key: str) -> StoredTake | None:
        """The stored take of a key, or None.

        Raises:
            StorageUnavailableError: the store couldn't answer.
            StorageRefusedError: the store refused the request, or the object is no take.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                head = await self._client.head_object(Bucket=self.bucket, Key=key)
        except STORE_ERRORS as error:
            # A missing bucket looks the same, since an answer to HEAD has no body. The upload will fail, and say so.
            if isinstance(error, ClientError) and http_status(error) == HTTPStatus.NOT_FOUND:
                return None
            raise storage_error(f"look-up of {key}", error) from error
        return _stored(key, head)

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
            if not isinstance(error, ClientError) or http_status(error) != HTTPStatus.PRECONDITION_FAILED:
                raise storage_error(f"upload of {take.key}", error) from error
        else:
            return take
        first = await self.look_up(take.key)
        if first is None:
            raise StorageUnavailableError(f"upload of {take.key}: refused since it exists already, but then it did not")
        return first

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
        async with asyncio.timeout(self._timeout_s + len(audio) / _SLOWEST_BYTES_S):
            await self._client.put_object(
                Bucket=self.bucket,
                Key=take.key,
                Body=audio,
                IfNoneMatch="*",
                ContentType=CONTENT_TYPES[take.encoding],
                Metadata=take_metadata(take),
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
        return found[1]

    async def fetch_whole(self, key: str) -> tuple[StoredTake, bytes] | None:
        """A stored take with its audio; None if there is no such object.

        Raises:
            StorageUnavailableError: the store couldn't answer.
            NotATakeError: the object has no take's metadata.
            StorageRefusedError: it may not be read.
        """
        found = await self._get(key)
        return None if found is None else (_stored(key, found[0]), found[1])

    async def _get(self, key: str) -> tuple[dict[str, Any], bytes] | None:
        try:
            answer = await self._client.get_object(Bucket=self.bucket, Key=key)
            async with answer["Body"] as body:
                return answer, bytes(await body.read())
        except STORE_ERRORS as error:
            if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") == "NoSuchKey":
                return None
            raise storage_error(f"download of {key}", error) from error

    async def keys(self, prefix: str) -> AsyncGenerator[list[str], None]:
        """All keys under a prefix, in batches.

        Raises:
            StorageUnavailableError: the store couldn't answer.
            StorageRefusedError: the bucket may not be listed.
        """
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        try:
            async for page in pages:
                yield [entry["Key"] for entry in page.get("Contents", ())]
        except STORE_ERRORS as error:
            raise storage_error(f"list of {prefix}", error) from error

    async def probe_conditional_put(self, key: str) -> bool:
        """Checks that the store honours `If-None-Match: *`: puts a small object twice, and removes it.

        Returns:
            Whether the store refuses the second PUT with 412, as it must.

        Raises:
            StorageUnavailableError: the store couldn't answer.
            StorageRefusedError: the store refused the first PUT.
        """
        refused = False
        try:
            await self._client.delete_object(Bucket=self.bucket, Key=key)
            await self._client.put_object(Bucket=self.bucket, Key=key, Body=b"probe", IfNoneMatch="*")
            try:
                await self._client.put_object(Bucket=self.bucket, Key=key, Body=b"probe", IfNoneMatch="*")
            except ClientError as error:
                refused = http_status(error) == HTTPStatus.PRECONDITION_FAILED
                if not refused:
                    raise
            await self._client.delete_object(Bucket=self.bucket, Key=key)
        except STORE_ERRORS as error:
            raise storage_error(f"PUT of {key}", error) from error
        return refused


def _is_conflict(error: BaseException) -> bool:
    return isinstance(error, ClientError) and http_status(error) == HTTPStatus.CONFLICT


def _stored(key: str, head: dict[str, Any]) -> StoredTake:
    return take_from_metadata(key, int(head.get("ContentLength", 0)), head.get("Metadata", {}))
