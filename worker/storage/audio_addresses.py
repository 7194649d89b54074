"""The addresses by which players read takes over HTTP: below a base address, such as a CDN's, or presigned."""

from typing import Final
from urllib.parse import quote

from worker.config.sections import StorageSettings
from worker.storage.take_store import TakeStore

DEFAULT_TTL_S: Final = 300
"""How long a presigned address is valid that is made for one request, in seconds."""


class AudioAddresses:
    """Makes addresses of takes.

    Args:
        store: signs addresses. No request goes to it.
    """

    def __init__(self, settings: StorageSettings, store: TakeStore) -> None:
        self._base = None if settings.audio_base_url is None else settings.audio_base_url.rstrip("/")
        self._ttl_s = settings.audio_url_ttl_s
        self._store = store

    async def for_completion(self, key: str) -> str | None:
        """The address for a completion; None unless AUDIO_BASE_URL or AUDIO_URL_TTL_S is set.

        Raises:
            StorageError: the address can't be signed.
        """
        if self._base is None and self._ttl_s is None:
            return None
        return await self.address(key)

    async def address(self, key: str) -> str:
        """An address that works now; a presigned one for AUDIO_URL_TTL_S, or 300 s where that is unset.

        Raises:
            StorageError: the address can't be signed.
        """
        if self._base is not None:
            return f"{self._base}/{quote(key)}"
        return await self._store.presigned_url(key, self._ttl_s or DEFAULT_TTL_S)
