"""Free ports on loopback, and whether somebody listens at one."""

import fcntl
import os
import random
import socket
import tempfile
import threading
from pathlib import Path
from typing import Final

from loadtest.stack.processes import StackError

# Below the ports that systems use for outgoing connections. Otherwise a client that reconnects while a server is down
# could get the server's port for its own end of the connection, and be connected to itself.
_PORTS: Final = range(15_000, 32_000)


class _Reservations:
    """Ports that this process has handed out, so that no other process of the same user hands them out too.

    Between the choice of a port and the moment its server listens, any number of seconds may pass: two test processes
    that start their stacks at once would collide. A lock on byte N of one file reserves port N; the system drops it
    when this process ends.
    """

    def __init__(self) -> None:
        self._file: int | None = None
        self._own: set[int] = set()
        self._guard = threading.Lock()

    def reserve(self, port: int) -> bool:
        """Reserves a port; false if this or another process has it already."""
        with self._guard:
            return port not in self._own and self._lock(port)

    def _lock(self, port: int) -> bool:
        if self._file is None:
            path = Path(tempfile.gettempdir()) / f"chirp-worker-ports-{os.getuid()}"
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        except OSError:
            return False
        self._own.add(port)
        return True


_reservations: Final = _Reservations()


def free_ports(count: int) -> list[int]:
    """Free loopback ports, all different, and reserved for this process as long as it runs.

    Raises:
        StackError: too few ports are free.
    """
    ports: list[int] = []
    # Not the seeded generator: Hypothesis gives every run the same numbers.
    for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
        if len(ports) == count:
            break
        if _bindable(port) and _reservations.reserve(port):
            ports.append(port)
    else:
        raise StackError(f"fewer than {count} ports between {_PORTS.start} and {_PORTS.stop} are free")
    return ports


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def listening(port: int) -> bool:
    """Whether a server accepts connections at a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
