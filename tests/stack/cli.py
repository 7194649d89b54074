"""Runs `chirp-worker` in processes forked from one that has loaded the worker's modules.

Most commands take less time than Python takes to load them. Tests whose subject is the process itself (terminals, kills
of a command) start `CLI` by subprocess.
"""

import asyncio
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from loadtest.stack.local_stack import worker_environment
from loadtest.stack.processes import Started, end_with_parent
from tests.until import until
from worker.cli.main import main

CLI = [sys.executable, "-m", "worker"]
TIMEOUT_S = 300

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.stack.preload"])


class Fork:
    """A forked process with the methods of subprocess.Popen."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], stdin: Path, out: Path, err: Path) -> None:
        self._arguments = arguments
        self._process = _forks.Process(target=_command, args=(arguments, dict(environment), stdin, out, err))
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired([*CLI, *self._arguments], timeout)
        return self._process.exitcode

    def send_signal(self, sig: int) -> None:
        os.kill(self.pid, sig)

    def kill(self) -> None:
        self._process.kill()


def start_fork(command: list[str], out: BinaryIO, environment: Mapping[str, str] | None) -> Started:
    """Starts a command of `chirp-worker`, as `start_program` does."""
    assert command[: len(CLI)] == CLI
    log = Path(out.name)
    return Fork(command[len(CLI) :], environment or os.environ, Path(os.devnull), log, log)


def call(environment: Mapping[str, str], *arguments: str, input: str = "") -> subprocess.CompletedProcess:  # noqa: A002
    """Runs a command with this environment as its only settings; like subprocess.run with captured text."""
    with tempfile.TemporaryDirectory(prefix="chirp-cli-") as folder:
        stdin, out, err = (Path(folder) / name for name in ("in", "out", "err"))
        stdin.write_text(input, encoding="utf-8")
        fork = Fork(list(arguments), worker_environment(environment), stdin, out, err)
        try:
            code = fork.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            fork.kill()
            raise
        return subprocess.CompletedProcess([*CLI, *arguments], code, out.read_text("utf-8"), err.read_text("utf-8"))


async def run(deployment, *arguments: str, input: str = "") -> subprocess.CompletedProcess:  # noqa: A002
    return await asyncio.to_thread(call, deployment.environment, *arguments, input=input)


async def doctor(deployment) -> subprocess.CompletedProcess:
    """Runs the doctor until the store takes a connection within its two seconds, which TLS begins."""

    async def connected() -> subprocess.CompletedProcess | None:
        ended = await run(deployment, "doctor")
        return None if "Connect timeout" in ended.stdout else ended

    return await until(connected)


def _command(arguments: list[str], environment: dict[str, str], stdin: Path, out: Path, err: Path) -> None:
    """The whole life of a forked process."""
    end_with_parent()
    os.setsid()
    appends = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    for number, path, flags in ((0, stdin, os.O_RDONLY), (1, out, appends), (2, err, appends)):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, buffering=1, encoding="utf-8", closefd=False)
        for number, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["chirp-worker", *arguments]
    main()
