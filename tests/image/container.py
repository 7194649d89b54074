"""Runs an image's root file system as a container runtime does: read-only, in a PID namespace, without rights."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from tests.image.build import Image

# The root is mounted on itself, since only a mount can be read-only; nothing else is mounted but /proc.
_SET_UP: Final = """
set -e
root=$1; shift
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
exec unshare --pid --fork --kill-child --mount-proc="$root/proc" -- chroot "$root" "$@"
"""
_WITHOUT_RIGHTS: Final = ("--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")
_START_S: Final = 60.0


class Container:
    """A running container, with what `loadtest.stack.processes.Process` needs of a process.

    Args:
        arguments: what replaces the image's own arguments.
        environment: variables beside the image's.
        out: the file for its output.
    """

    def __init__(self, image: Image, arguments: list[str], environment: Mapping[str, str], out: BinaryIO) -> None:
        self._image = image
        command = [*_as_user(image), *_variables(image, environment), *image.config["Entrypoint"], *arguments]
        self._unshare = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", _SET_UP, "sh", str(image.root), *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.pid = self._first_process()

    def _first_process(self) -> int:
        """Waits until the container's PID 1 is the image's own and has forked; returns its PID here."""
        program = self._image.config["Entrypoint"][0]
        ends = time.monotonic() + _START_S
        while time.monotonic() < ends and self._unshare.poll() is None:
            for child in children(self._unshare.pid):
                # Before that it is chroot, setpriv or env, or the loader of libraries.
                if status(child)["Name"] == program and children(child):
                    return child
        self.kill()
        raise AssertionError(f"the container didn't start; exit code {self._unshare.returncode}")

    @property
    def returncode(self) -> int | None:
        return self._unshare.returncode

    def poll(self) -> int | None:
        return self._unshare.poll()

    def wait(self, timeout: float | None = None) -> int:
        return self._unshare.wait(timeout)

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self._unshare.kill()
        self._unshare.wait()

    def exec(self, command: list[str], environment: Mapping[str, str]) -> int:
        """Runs a command beside the container's own; returns its exit code."""
        inside = ("nsenter", f"--target={self.pid}", "--mount", "--pid", "--root", "--wd")
        ended = subprocess.run(
            (*inside, *_as_user(self._image), *_variables(self._image, environment), *command),
            check=False,
            capture_output=True,
        )
        return ended.returncode

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stops the program under PID 1 for a while."""
        (worker,) = children(self.pid)
        os.kill(worker, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(worker, signal.SIGCONT)


def children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()]
    except FileNotFoundError:
        return []


def status(pid: int) -> dict[str, str]:
    """A process' state, as the kernel says it; empty values once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {"Name": ""}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def mounts(pid: int) -> dict[str, tuple[str, set[str]]]:
    """What a process sees mounted where: the type and the options."""
    lines = (line.split() for line in Path(f"/proc/{pid}/mounts").read_text("utf-8").splitlines())
    return {where: (kind, set(options.split(","))) for _, where, kind, options, *_ in lines}


def _as_user(image: Image) -> list[str]:
    user, group = image.config["User"].split(":")
    return ["setpriv", f"--reuid={user}", f"--regid={group}", *_WITHOUT_RIGHTS]


def _variables(image: Image, environment: Mapping[str, str]) -> list[str]:
    return ["env", "-i", *(f"{name}={value}" for name, value in {**image.environment, **environment}.items())]
