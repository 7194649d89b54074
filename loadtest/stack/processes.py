"""Starts the local stack's processes, waits until they answer, and stops them again, whatever happens."""

import ctypes
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None
# Linux signals a child when the thread that made it ends, not the process: a test's helper thread ends with the test.
_spawner: Final = ThreadPoolExecutor(1, thread_name_prefix="spawner")
# Below the ports that systems give to outgoing connections: a port stays free while its process is down, and a client
# that tries it again and again can't get it as its own end and be connected to itself.
_PORTS: Final = range(15_000, 32_000)


class StackError(Exception):
    """A process of the local stack didn't start; the message holds the end of its log."""


def free_ports(count: int) -> list[int]:
    """Free loopback ports, all different. Between here and their use somebody else may take one.

    Raises:
        StackError: there aren't as many.
    """
    ports: list[int] = []
    # Not the seeded generator: Hypothesis gives every run the same numbers.
    for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
        if len(ports) == count:
            break
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
    else:
        raise StackError(f"{count} free ports aren't to be had between {_PORTS.start} and {_PORTS.stop}")
    return ports


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
        self._popen = _spawner.submit(
            subprocess.Popen[bytes],
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=subprocess.STDOUT,
            env=environment,
            # Ctrl-C reaches us alone, and we stop the processes in order.
            start_new_session=True,
            preexec_fn=_die_with_parent if _LIBC else None,  # one system call
        ).result()

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
            self.kill()
        self._out.close()

    def kill(self) -> None:
        """SIGKILL: no time for anything."""
        self._popen.kill()
        self._popen.wait()
        self._out.close()

    def log_end(self, lines: int = 15) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


class Restartable:
    """A process that can end and start again, with the same ports and data. Made, it starts; it isn't waited for.

    Args:
        start: starts the process.
        ready: whether it answers.
        timeout_s: how long it may take until it does.
    """

    def __init__(self, start: Callable[[], Process], ready: Callable[[], bool], timeout_s: float = 30.0) -> None:
        self._start = start
        self._ready = ready
        self._timeout_s = timeout_s
        self.process = start()

    @property
    def running(self) -> bool:
        """Whether it hasn't ended."""
        return self.process.running

    def wait_until_ready(self) -> None:
        """Waits until it answers.

        Raises:
            StackError: it ended, or doesn't answer in time.
        """
        self.process.wait_until(self._ready, self._timeout_s)

    def start(self) -> None:
        """Starts it if it has ended, and waits until it answers.

        Raises:
            StackError: it ended, or doesn't answer in time.
        """
        if not self.running:
            self.process.stop()
            self.process = self._start()
        self.wait_until_ready()

    def stop(self) -> None:
        """Ends it as its operator would: SIGTERM, and SIGKILL if that isn't enough."""
        self.process.stop()

    def kill(self) -> None:
        """Ends it with SIGKILL."""
        self.process.kill()

    def restart(self) -> None:
        """Ends it, if it hasn't ended, starts it again and waits until it answers.

        Raises:
            StackError: it ended, or doesn't answer in time.
        """
        self.stop()
        self.start()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal, if it still runs: SIGSTOP and SIGCONT freeze it and let it go on."""
        self.process.signal(number)


def _die_with_parent() -> None:
    if _LIBC:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
