"""A TCP server on loopback that ends when its connections are closed: none is left to the garbage collector."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Any

from tests.until import loop_until


@asynccontextmanager
async def tcp_server(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None] | None],
    context: SSLContext | None = None,
) -> AsyncIterator[int]:
    """The port of a server; `answer` is called with each connection, and closes it."""
    server: Any = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]
    # Python 3.11 doesn't wait for connections.
    await loop_until(lambda: not server._active_count)
