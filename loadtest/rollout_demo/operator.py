"""The operator of the demo: runs commands as a person would, and prints them."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping

from rich.console import Console

from loadtest.demo.run import DemoFailedError
from loadtest.stack.local_stack import worker_environment


class Operator:
    """Types commands.

    Args:
        console: shows them.
        environment: of the stack.
    """

    def __init__(self, console: Console, environment: Mapping[str, str]) -> None:
        self._console = console
        self._environment = worker_environment(environment)

    async def asks(self, *arguments: str, shown: bool = True) -> str:
        """Runs a command of `chirp-worker rollout`; what it says.

        Raises:
            DemoFailedError: it failed.
        """
        typed = " ".join(f'"{each}"' if " " in each else each for each in arguments)
        if shown:
            self._console.print(f"[bold]$ chirp-worker rollout {typed}[/]", soft_wrap=True, highlight=False)
        ended = await asyncio.to_thread(self._run, arguments)
        if ended.returncode != 0:
            raise DemoFailedError(f"`chirp-worker rollout {typed}` ended with {ended.returncode}:\n{ended.stderr}")
        if shown and ended.stdout.strip():
            self._console.print(ended.stdout.rstrip(), markup=False, highlight=False, soft_wrap=True)
        return ended.stdout

    def _run(self, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "worker", "rollout", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**self._environment, "COLUMNS": str(self._console.width)},
        )
