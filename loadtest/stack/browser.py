"""A real browser, headless, spoken to by its DevTools protocol: opens a page, runs what it is told, takes a picture."""

import asyncio
import base64
import json
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, cast

import aiohttp

from loadtest.stack.ports import free_ports
from loadtest.stack.processes import Process, StackError

_HANG_S: Final = 120.0
_EVERY_S: Final = 0.05


class Browser:
    """One tab.

    Args:
        socket: connected to it.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._asked = 0

    async def ask(self, method: str, **params: object) -> dict[str, Any]:
        """Calls a method of the protocol. A page that is just being replaced can't be asked anything."""
        self._asked += 1
        await self._socket.send_json({"id": self._asked, "method": method, "params": params})
        async with asyncio.timeout(_HANG_S):
            while True:
                answer = json.loads(await self._socket.receive_str())
                if answer.get("id") == self._asked:
                    return cast(
                        "dict[str, Any]",
                        answer["result"] if "result" in answer else {"exceptionDetails": answer["error"]},
                    )

    async def open(self, page: Path) -> None:
        """Opens a file."""
        await self.visit((await asyncio.to_thread(page.resolve)).as_uri())

    async def visit(self, address: str) -> None:
        """Opens an address, and waits until it has loaded whole."""
        await self.ask("Page.navigate", url=address)
        await self.until("location.href !== 'about:blank'")

    async def until(self, script: str) -> None:
        """Waits until a script is true of a page that has loaded whole, across those that load meanwhile.

        Raises:
            AssertionError: it isn't within two minutes.
        """
        whole = f"document.readyState === 'complete' && ({script})"
        end = time.monotonic() + _HANG_S
        while time.monotonic() < end:
            answer = await self.ask("Runtime.evaluate", expression=whole, awaitPromise=True, returnByValue=True)
            if "exceptionDetails" not in answer and answer["result"].get("value") is True:
                return
            await asyncio.sleep(_EVERY_S)
        page = await self.run("document.documentElement.outerHTML")
        raise AssertionError(f"never true: {script}\n{page}")

    async def run(self, script: str) -> Any:
        """Runs a script in the page; its value, or that of its promise.

        Raises:
            AssertionError: the script failed.
        """
        answer = await self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer)
        return answer["result"].get("value")

    async def picture(self, path: Path, *, whole: bool = False) -> None:
        """Writes a PNG of what is seen; `whole`: of all that there is to scroll to."""
        answer = await self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))


@asynccontextmanager
async def browser(folder: Path, size: str = "1280,860") -> AsyncIterator[Browser]:
    """Debian's chromium.

    Args:
        folder: for its profile and its log.
        size: of its window.

    Raises:
        StackError: it isn't installed, or didn't start.
    """
    found = shutil.which("chromium")
    if found is None:
        raise StackError("chromium is not installed; Debian has it")
    (port,) = free_ports(1)
    command = [found, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
               f"--window-size={size}", "--autoplay-policy=no-user-gesture-required", f"--remote-debugging-port={port}",
               f"--user-data-dir={folder / 'profile'}", "about:blank"]  # fmt: skip
    process = Process("chromium", command, folder / "chromium.log")
    try:
        async with aiohttp.ClientSession() as session:
            address = await _tab(session, port, process)
            async with session.ws_connect(address, max_msg_size=0) as socket:
                yield Browser(socket)
    finally:
        await asyncio.to_thread(process.stop)


async def _tab(session: aiohttp.ClientSession, port: int, process: Process) -> str:
    end = time.monotonic() + _HANG_S
    while process.running and time.monotonic() < end:
        try:
            async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                targets = await answer.json()
        except aiohttp.ClientError:
            targets = []
        pages = [each["webSocketDebuggerUrl"] for each in targets if each["type"] == "page"]
        if pages:
            return str(pages[0])
        await asyncio.sleep(_EVERY_S)
    raise StackError(f"chromium didn't start:\n{process.log_end()}")
