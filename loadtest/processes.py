"""Starts the local stack's processes, waits until they answer, and stops them again, whatever happens."""

import ctypes
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


class StackError(Exception):
    """A process of the local stack didn't start; the message holds the end of its log."""


def free_ports(count: int) -> list[int]:
    """Free loopback ports, all different. Between here and their use somebody else may take one."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def listening(port: int) -> bool:
    """Whether something accepts connections at a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """One process with its log in a file. It doesn't outlive this one.

    Args:
        name: how errors call it.
        command: what to run.
        log: where its output goes.
        environment: its variables; this process's own by default.
        stop_s: how long SIGTERM may take before SIGKILL.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        stop_s: float = 30.0,
    ) -> None:
        self.name = name
        self._stop_s = stop_s
        self.log = log
        self._out = log.open("ab")
        self._popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=subprocess.STDOUT,
            env=environment,
            # Ctrl-C reaches us alone, and we stop the processes in order.
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  # one system call
        )

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it hasn't ended."""
        return self._popen.poll() is None

    def wait_until(self, ready: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Waits until the process is ready.

        Raises:
            StackError: it ended, or isn't ready in time.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            if not self.running:
                raise StackError(f"{self.name} ended with {self._popen.returncode}:\n{self.log_end()}")
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} was not ready after {timeout_s:g} s:\n{self.log_end()}")
            time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal, if it still runs."""
        if self.running:
            self._popen.send_signal(number)

    def wait(self, timeout_s: float) -> int:
        """Waits for its end.

        Returns:
            Its exit status.

        Raises:
            TimeoutExpired: it still runs.
        """
        return self._popen.wait(timeout_s)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if that isn't enough."""
        self.signal(signal.SIGTERM)
        try:
            self.wait(self._stop_s)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._out.close()

    def log_end(self, lines: int = 15) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
