"""The instance id that a worker has without KAFKA_GROUP_INSTANCE_ID: where a name is its own and stays over restarts.

Two members with one id replace each other in the group for ever. So a name counts only where whoever starts the worker
gives it to one process: systemd to the main process of a unit, a StatefulSet to the container of a pod. The name of a
machine, of a Deployment's pod or of a Docker container is not such a name.
"""

import hashlib
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

DYNAMIC: Final = "none"
"""The value of KAFKA_GROUP_INSTANCE_ID for dynamic membership where a name would be found."""

_DIGEST_CHARACTERS: Final = 8
# A Deployment's pods end with five random characters, which may all be digits.
_ORDINAL: Final = re.compile(r".+-(0|[1-9][0-9]{0,3})")
# What Kafka's own clients allow in an instance id, and at most 249 characters.
_NOT_ALLOWED: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_PART: Final = 100


@dataclass(frozen=True)
class ThisProcess:
    """What the system says of this process.

    Attributes:
        root: the folder in which the system's files are looked for.
    """

    pid: int = field(default_factory=os.getpid)
    parent_pid: int = field(default_factory=os.getppid)
    host: str = field(default_factory=socket.gethostname)
    root: Path = Path("/")

    def read(self, path: str) -> str:
        """The text of one of the system's files; empty where there is none."""
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""


def derive_instance_id(environment: Mapping[str, str], process: ThisProcess) -> str | None:
    """A name that this worker keeps over its restarts and that no other worker has; None where there is none."""
    return _of_unit(environment, process) or _of_pod(environment, process)


def _of_unit(environment: Mapping[str, str], process: ThisProcess) -> str | None:
    """Machine and unit, where this process is a unit's main one: systemd says so since version 248."""
    if environment.get("SYSTEMD_EXEC_PID") != str(process.pid):
        return None
    group = process.read("proc/self/cgroup").strip().rpartition(":")[2]
    unit, machine = PurePosixPath(group).name, process.read("etc/machine-id").strip()
    if not unit.endswith(".service") or not machine:
        return None
    # The units of two users may have one name, and so may two machines. A machine's id is not to be published
    # (machine-id(5)), and cloned machines have the same.
    digest = hashlib.sha256(f"{machine} {process.host} {group}".encode()).hexdigest()[:_DIGEST_CHARACTERS]
    return "-".join(map(_allowed, (process.host, unit.removesuffix(".service"), digest)))


def _of_pod(environment: Mapping[str, str], process: ThisProcess) -> str | None:
    """Namespace and pod, where this process is the container's first one, or the child of its `init`."""
    if "KUBERNETES_SERVICE_HOST" not in environment or 1 not in (process.pid, process.parent_pid):
        return None
    if not _ORDINAL.fullmatch(process.host):
        return None
    for line in process.read("etc/hosts").splitlines():
        # 10.1.2.3  worker-0.workers.production.svc.cluster.local  worker-0: of a pod in a StatefulSet's service.
        names = [name.split(".") for name in line.split()[1:]]
        if whole := next((name for name in names if name[0] == process.host and name[3:4] == ["svc"]), None):
            return f"{_allowed(whole[2])}-{_allowed(process.host)}"
    return None


def _allowed(name: str) -> str:
    return _NOT_ALLOWED.sub("-", name)[:_LONGEST_PART]
