"""How many CPUs this process may use at once, by its affinity and by its control group's quota."""

import os
from pathlib import Path
from typing import Final

# cgroup v2: quota and period in one file; v1: one file each. A quota that is none is `max`, or below 0.
_V2: Final = Path("/sys/fs/cgroup/cpu.max")
_V1: Final = (Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us"))


def usable_cpus(v2: Path = _V2, v1: tuple[Path, Path] = _V1) -> int:
    """Whole CPUs, at least one: what a quota leaves of one isn't counted.

    Args:
        v2: where the kernel says the quota of this process's control group.
        v1: the same on machines with the older control groups.
    """
    # macOS has no affinity.
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota([v2]) or _quota(v1)
    return available if quota is None else max(1, min(available, int(quota)))


def _quota(files: list[Path] | tuple[Path, Path]) -> float | None:
    try:
        quota, period = map(int, " ".join(file.read_text() for file in files).split())
    except (OSError, ValueError):
        return None
    return quota / period if quota > 0 and period > 0 else None
