"""Free ports: no other process gets the same."""

import subprocess
import sys

from loadtest.stack.ports import free_ports

RESERVE = "from loadtest.stack.ports import free_ports; print(*free_ports(200), flush=True); input()"


def test_no_two_processes_get_the_same_port() -> None:
    others = [
        subprocess.Popen([sys.executable, "-c", RESERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    try:
        lists = [[int(port) for port in other.stdout.readline().split()] for other in others]
        lists.append(free_ports(200))
    finally:
        for other in others:
            other.communicate("\n")
    assert [len(ports) for ports in lists] == [200] * 4
    assert len({port for ports in lists for port in ports}) == 800
