"""The memory that a process has held."""

from pathlib import Path


def resident_mb(pid: int) -> float:
    """The most memory in MB that a process has held at once, since it began to run its program.

    Not `ru_maxrss`, which begins with what the process that started it held.
    """
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")
