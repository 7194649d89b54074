"""Runs `chirp-worker` commands for tests.

`run` and `call` fork a process that has the worker's modules loaded already: most commands take less time than Python
takes to load them. Tests whose subject is the process itself (signals, terminals, kills) start `CLI` by subprocess.
"""

import asyncio
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from loadtest.stack.local_stack import worker_environment
from worker.cli.main import main

CLI = [sys.executable, "-m", "worker"]
TIMEOUT_S = 120

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.stack.preload"])


def call(environment: Mapping[str, str], *arguments: str, input: str = "") -> subprocess.CompletedProcess:  # noqa: A002
    """Runs a command with this environment as its only settings; like subprocess.run with captured text."""
    with tempfile.TemporaryDirectory(prefix="chirp-cli-") as name:
        folder = Path(name)
        (folder / "in").write_text(input, encoding="utf-8")
        process = _forks.Process(target=_command, args=(folder, worker_environment(environment), arguments))
        process.start()
        process.join(TIMEOUT_S)
        if process.is_alive():
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired([*CLI, *arguments], TIMEOUT_S)
        out, err = ((folder / each).read_text(encoding="utf-8") for each in ("out", "err"))
    return subprocess.CompletedProcess([*CLI, *arguments], process.exitcode, out, err)


async def run(deployment, *arguments: str, input: str = "") -> subprocess.CompletedProcess:  # noqa: A002
    return await asyncio.to_thread(call, deployment.environment, *arguments, input=input)


def _command(folder: Path, environment: dict[str, str], arguments: tuple[str, ...]) -> None:
    """The whole life of the forked process."""
    for number, name, flags in ((0, "in", os.O_RDONLY), (1, "out", os.O_WRONLY), (2, "err", os.O_WRONLY)):
        opened = os.open(folder / name, flags | os.O_CREAT, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, encoding="utf-8", closefd=False) for number, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["chirp-worker", *arguments]
    main()
