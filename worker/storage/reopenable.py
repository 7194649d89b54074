"""A client that can be opened anew while requests run: they end on the old one, later ones go to the new one."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog

from worker.storage.errors import StorageRefusedError
from worker.storage.object_requests import ObjectRequests

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class StoreClient:
    """What requests are sent by.

    Attributes:
        boto: aioboto3's client, for the bucket, lists, removals and presigned addresses.
        objects: HEAD, PUT and GET of objects.
    """

    boto: Any
    objects: ObjectRequests


OpenClient = Callable[[], AbstractAsyncContextManager[StoreClient]]
"""Opens a session and client from the settings, and from what they refer to, such as a credentials file."""


class ReopenableClient:
    """The present client.

    Args:
        open_client: opens a client; its context closes it.
        stamp: returns what differs once secrets or files that a client is opened with have changed.
    """

    def __init__(self, open_client: OpenClient, stamp: Callable[[], object]) -> None:
        self._open_client: Final = open_client
        self._stamp: Final = stamp
        self._present: _Opened | None = None
        self._opened_with: object = None

    async def reopen(self) -> None:
        """Opens a new client for all later requests; the old one is closed when its last request has ended.

        Raises:
            StorageRefusedError: the settings are unusable. The old client stays.
        """
        self._opened_with = self._stamp()
        stack = AsyncExitStack()
        opened = _Opened(await stack.enter_async_context(self._open_client()), stack)
        old, self._present = self._present, opened
        if old is not None:
            await old.retire()

    @asynccontextmanager
    async def use(self) -> AsyncIterator[StoreClient]:
        """The client for one request; a new one if what it is opened with has changed.

        Raises:
            RuntimeError: it isn't open.
        """
        if self._present is not None and self._stamp() != self._opened_with:
            await self._renew()
        opened = self._present
        if opened is None:
            raise RuntimeError("the store's client isn't open")
        opened.users += 1
        try:
            yield opened.client
        finally:
            opened.users -= 1
            await opened.close_if_unused()

    async def _renew(self) -> None:
        try:
            await self.reopen()
        except StorageRefusedError as error:
            _log.error("store_files_unusable", detail=f"{error}; requests use what the files held before")
        else:
            _log.info("store_files_read_again", detail="requests use them")

    async def close(self) -> None:
        """Closes the client; a request that still runs ends first."""
        present, self._present = self._present, None
        if present is not None:
            await present.retire()


class _Opened:
    """One client, how many requests use it, and whether it is to be closed after the last of them."""

    def __init__(self, client: StoreClient, stack: AsyncExitStack) -> None:
        self.client = client
        self.users = 0
        self._stack = stack
        self._retired = False

    async def retire(self) -> None:
        self._retired = True
        await self.close_if_unused()

    async def close_if_unused(self) -> None:
        if self._retired and self.users == 0:
            self._retired = False
            await self._stack.aclose()
