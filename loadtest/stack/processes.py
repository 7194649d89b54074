"""Starts processes, waits until they are ready, and stops them."""

import ctypes
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Final, Protocol

_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None
# PR_SET_PDEATHSIG signals a child when the thread that started it ends, not the process. A test's helper thread ends
# with the test, so all processes are started by one thread that lives as long as this process.
_spawner: Final = ThreadPoolExecutor(1, thread_name_prefix="spawner")
READY_TIMEOUT_S: Final = 600.0
"""How long a test waits for a process: seconds on an idle machine, minutes on one that runs several stacks.

Below the quarter of an hour that pytest gives a test, so that the error with the end of the log comes first.
"""
READY_TIMEOUT_VARIABLE: Final = "STACK_READY_S"
"""The variable by which tests set it. Without it a process is waited for as long as it lives."""
_NOTICE_EVERY_S: Final = 60.0


class StackError(Exception):
    """A process didn't start; the message holds the end of its log."""


class Started(Protocol):
    """What `subprocess.Popen` has, as far as it is used here."""

    @property
    def pid(self) -> int:
        """The process id."""

    @property
    def returncode(self) -> int | None:
        """The exit status; None while the process runs."""

    def poll(self) -> int | None:
        """Returns the exit status; None while the process runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end and returns the exit status, or raises TimeoutExpired."""

    def send_signal(self, sig: int) -> None:
        """Sends a signal."""

    def kill(self) -> None:
        """Sends SIGKILL."""


Start = Callable[[list[str], BinaryIO, Mapping[str, str] | None], Started]
"""Starts a command that writes its output to a file and has these variables."""


def start_program(command: list[str], out: BinaryIO, environment: Mapping[str, str] | None) -> Started:
    """Starts a program that ends with this process."""
    return _spawner.submit(
        subprocess.Popen[bytes],
        command,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.STDOUT,
        env=environment,
        # Ctrl-C must reach this process only, which stops the others in order.
        start_new_session=True,
        preexec_fn=end_with_parent,
    ).result()


def end_with_parent() -> None:
    """Has the system end this process when its parent ends, which only Linux can: one system call."""
    if _LIBC:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Process:
    """A process that writes its output to a log file. It ends with this process.

    Args:
        name: used in error messages.
        command: program and arguments.
        log: the file for its output.
        environment: its variables; by default those of this process.
        stop_s: seconds from SIGTERM to SIGKILL; by default more than twice the grace time of a worker.
        start: starts the command.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        *,
        stop_s: float = 60.0,
        start: Start = start_program,
    ) -> None:
        self.name = name
        self._stop_s = stop_s
        self.log = log
        self._out = log.open("ab")
        self._popen = start(command, self._out, environment)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._popen.poll() is None

    def wait_until(self, ready: Callable[[], bool], timeout_s: float | None = None) -> None:
        """Waits until the process is ready, as long as it lives; says once a minute that it still waits.

        Args:
            ready: whether it is.
            timeout_s: how long at most; by default what the variable `STACK_READY_S` says, without it no limit.

        Raises:
            StackError: it ended, or it runs and isn't ready after `timeout_s`; the message holds the end of its log.
        """
        if timeout_s is None:
            timeout_s = float(os.environ.get(READY_TIMEOUT_VARIABLE, math.inf))
        began, noticed = time.monotonic(), 1
        while not ready():
            waited_s = time.monotonic() - began
            if not self.running:
                raise StackError(f"{self.name} ended with {self._popen.returncode}:\n{self.log_end()}")
            if waited_s > timeout_s:
                raise StackError(f"{self.name} runs but is not ready after {timeout_s:g} s:\n{self.log_end()}")
            if waited_s > noticed * _NOTICE_EVERY_S:
                noticed += 1
                sys.stderr.write(f"{self.name} runs and isn't ready after {waited_s:.0f} s; its log is {self.log}\n")
            time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal, if the process runs."""
        if self.running:
            self._popen.send_signal(number)

    def wait(self, timeout_s: float) -> int:
        """Waits for the end of the process and returns its exit status.

        Raises:
            TimeoutExpired: it still runs after `timeout_s`.
        """
        return self._popen.wait(timeout_s)

    def stop(self) -> None:
        """Sends SIGTERM, then SIGKILL if the process still runs after `stop_s`."""
        self.signal(signal.SIGTERM)
        try:
            self.wait(self._stop_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self._out.close()

    def kill(self) -> None:
        """Sends SIGKILL and waits for the end."""
        self._popen.kill()
        self._popen.wait()
        self._out.close()

    def log_end(self, lines: int = 15) -> str:
        """Returns the last lines of the log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


class Restartable:
    """A process that can be stopped and started again with the same ports and data.

    The constructor starts it; `wait_until_ready` waits for it.
    """

    def __init__(self, start: Callable[[], Process], ready: Callable[[], bool]) -> None:
        self._start = start
        self._ready = ready
        self.process = start()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.running

    def wait_until_ready(self) -> None:
        """Waits until it is ready.

        Raises:
            StackError: it ended or isn't ready in time.
        """
        self.process.wait_until(self._ready)

    def start(self) -> None:
        """Starts it, if it has ended, and waits until it is ready.

        Raises:
            StackError: it ended or isn't ready in time.
        """
        if not self.running:
            self.process.stop()
            self.process = self._start()
        self.wait_until_ready()

    def stop(self) -> None:
        """Sends SIGTERM, then SIGKILL if that isn't enough."""
        self.process.stop()

    def kill(self) -> None:
        """Sends SIGKILL."""
        self.process.kill()

    def restart(self) -> None:
        """Stops it, starts it again and waits until it is ready.

        Raises:
            StackError: it ended or isn't ready in time.
        """
        self.stop()
        self.start()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal, if the process runs: SIGSTOP freezes it, SIGCONT lets it continue."""
        self.process.signal(number)
