"""A real browser, headless, spoken to by its DevTools protocol: opens a page, runs what it is told, takes a picture."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from loadtest.stack.ports import free_ports
from loadtest.stack.processes import Process
from tests.stack.deployment import program
from tests.until import HANG_S, until


class Browser:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._asked = 0

    async def ask(self, method: str, **params: object) -> dict:
        self._asked += 1
        await self._socket.send_json({"id": self._asked, "method": method, "params": params})
        async with asyncio.timeout(HANG_S):
            while True:
                answer = json.loads(await self._socket.receive_str())
                if answer.get("id") == self._asked:
                    # A page that is just being replaced can't be asked anything.
                    return answer["result"] if "result" in answer else {"exceptionDetails": answer["error"]}

    async def open(self, page: Path) -> None:
        await self.ask("Page.navigate", url=page.resolve().as_uri())

        async def complete() -> bool:
            return await self.run("document.readyState") == "complete"

        await until(complete)

    async def visit(self, address: str) -> None:
        await self.ask("Page.navigate", url=address)
        await self.until("document.readyState == 'complete' && location.href != 'about:blank'")

    async def until(self, script: str) -> None:
        """Waits until a script is true of a page that has loaded whole, across those that load meanwhile."""
        whole = f"document.readyState === 'complete' && ({script})"
        for _ in range(1200):
            answer = await self.ask("Runtime.evaluate", expression=whole, awaitPromise=True, returnByValue=True)
            if "exceptionDetails" not in answer and answer["result"].get("value") is True:
                return
            await asyncio.sleep(0.05)
        page = await self.run("document.documentElement.outerHTML")
        raise AssertionError(f"never true: {script}\n{page}")

    async def run(self, script: str) -> object:
        answer = await self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def picture(self, path: Path, *, whole: bool = False) -> None:
        answer = await self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))


@asynccontextmanager
async def browser(folder: Path, size: str = "1280,860") -> AsyncIterator[Browser]:
    """Debian's chromium."""
    (port,) = free_ports(1)
    command = [program("chromium"), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
               f"--window-size={size}", "--autoplay-policy=no-user-gesture-required", f"--remote-debugging-port={port}",
               f"--user-data-dir={folder / 'profile'}", "about:blank"]  # fmt: skip
    process = Process("chromium", command, folder / "chromium.log")
    try:
        async with aiohttp.ClientSession() as session:
            targets = await _targets(session, port, process)
            address = next(each["webSocketDebuggerUrl"] for each in targets if each["type"] == "page")
            async with session.ws_connect(address, max_msg_size=0) as socket:
                yield Browser(socket)
    finally:
        await asyncio.to_thread(process.stop)


async def _targets(session: aiohttp.ClientSession, port: int, process: Process) -> list[dict]:
    async def targets() -> list[dict]:
        try:
            async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                return await answer.json()
        except aiohttp.ClientError:
            assert process.running, process.log_end()
            return []

    return await until(targets)
