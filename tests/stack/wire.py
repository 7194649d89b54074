"""A wire between a worker and what it depends on, that a test cuts, holds and mends."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Wire:
    """Forwards TCP from `address` to a loopback port. In a loop of its own: the tests' blocks while a worker starts."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._refuses = False
        self.refused = 0
        self.port = 0
        self.mend()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Connections break, new ones are refused."""
        self._do(self._cut())

    def refuse(self) -> None:
        """Connections break, new ones are broken off at once, and counted."""
        self._do(self._refuse())

    def hold(self) -> None:
        """Connections stay and new ones are taken; nothing comes through."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def mend(self) -> None:
        self._do(self._mend())

    def close(self) -> None:
        self._do(self._cut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

    def _do(self, what) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(60)

    async def _mend(self) -> None:
        self._flowing.set()
        self._refuses = False
        if self._server is None:
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        self._refuses = True
        await self._break()

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._break()

    async def _break(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._flowing.set()
        await asyncio.sleep(0.05)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            self.refused += 1
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers.add(back)
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        self._writers -= {writer, back}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while taken := await reader.read(2**16):
                await self._flowing.wait()
                writer.write(taken)
                await writer.drain()
        writer.transport.abort() if writer.transport.is_closing() else writer.close()


@contextmanager
def wire_to(address: str) -> Iterator[Wire]:
    """A wire to an address that ends in a loopback port."""
    wire = Wire(int(address.rsplit(":", 1)[1]))
    try:
        yield wire
    finally:
        wire.close()
