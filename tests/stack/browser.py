"""The browser of the tests: where it is missing a test is skipped, or fails with CI=true."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from loadtest.stack import browser as chromium
from loadtest.stack.browser import Browser
from tests.stack.deployment import program

__all__ = ["Browser", "browser"]


@asynccontextmanager
async def browser(folder: Path, size: str = "1280,860") -> AsyncIterator[Browser]:
    """Debian's chromium."""
    program("chromium")
    async with chromium.browser(folder, size) as shown:
        yield shown
