"""JSON documents beside the takes, each under a key of its content: stored once, and read within a bound."""

import asyncio
import hashlib
from typing import Final

from worker.storage.errors import StorageRefusedError, StorageUnavailableError
from worker.storage.reopenable import ReopenableClient
from worker.storage.s3_errors import STORE_ERRORS, is_no_such_key, is_stored_already, storage_error

SLOWEST_BYTES_S: Final = 250_000
"""An upload that is slower than 2 Mbit/s counts as hanging."""
# It holds a script's texts: a cache that others share keeps none.
_HEADERS: Final = {"content-type": "application/json", "cache-control": "private, max-age=31536000, immutable"}


class StoredDocuments:
    """The documents of one bucket; each request gets `timeout_s` seconds, and more by the size."""

    def __init__(self, client: ReopenableClient, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s

    async def store(self, key: str, content: bytes) -> None:
        """Stores a document unless its key is taken.

        Args:
            key: of this content alone.

        Raises:
            StorageUnavailableError: the store couldn't answer.
            StorageRefusedError: the store refused the request, or another object lies there.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        try:
            async with asyncio.timeout(self._limit_s(len(content))), self._client.use() as client:
                is_stored = await client.objects.put_if_new(key, content, sha256=sha256, headers=_HEADERS, metadata={})
        except STORE_ERRORS as error:
            if not is_stored_already(error):
                raise storage_error(f"upload of {key}", error) from error
            if await self.fetch(key, len(content)) != content:
                raise StorageRefusedError(f"upload of {key}: another object lies there; delete it") from None
            return
        if not is_stored:
            raise StorageUnavailableError(f"upload of {key}: the answer isn't a store's; is a proxy in between?")

    async def fetch(self, key: str, size: int) -> bytes | None:
        """A document; None if there is none of this size.

        Args:
            size: in bytes; an object of another size isn't read.

        Raises:
            StorageUnavailableError: the store couldn't answer.
            StorageRefusedError: it may not be read.
        """
        try:
            async with asyncio.timeout(self._limit_s(size)), self._client.use() as client:
                found = await client.objects.head(key)
                if found is None or found[0] != size:
                    return None
                return (await client.objects.get(key))[0]
        except STORE_ERRORS as error:
            if is_no_such_key(error):
                return None
            raise storage_error(f"download of {key}", error) from error

    def _limit_s(self, size: int) -> float:
        return self._timeout_s + size / SLOWEST_BYTES_S
