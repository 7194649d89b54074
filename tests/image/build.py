"""Builds the Dockerfile without Docker: buildah in a chroot, on a base of Debian's packages."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.stack.deployment import program

ROOT: Final = Path(__file__).parents[2]
# What python:3.11-slim-bookworm has, as far as the Dockerfile needs it; and its packages come without manuals, too.
_SUITE: Final = "bookworm"
_PACKAGES: Final = "python3,python3-venv,ca-certificates"
_LEFT_OUT: Final = ("doc", "info", "locale", "man")
_PIP: Final = "PIP_"


@dataclass(frozen=True)
class Image:
    """A built image: its mounted root, its configuration as a container's start uses it, and what it took.

    Attributes:
        layers: what each step says that it did, which whoever pulls the image can read.
    """

    root: Path
    config: Mapping[str, Any]
    layers: tuple[str, ...]
    bytes: int
    base_s: float
    build_s: float

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the image sets."""
        return dict(each.split("=", 1) for each in self.config["Env"])


class Buildah:
    """Buildah with a storage of its own."""

    def __init__(self, folder: Path) -> None:
        self._storage = ("--root", str(folder / "storage"), "--runroot", str(folder / "run"))

    def run(self, *command: str) -> str:
        """Runs a command and returns its output."""
        ended = subprocess.run(
            (program("buildah"), *self._storage, *command), check=False, capture_output=True, text=True, cwd=ROOT
        )
        assert ended.returncode == 0, f"buildah {command[0]}:\n{ended.stdout[-3000:]}{ended.stderr[-3000:]}"
        return ended.stdout.strip()


@contextmanager
def built_image(folder: Path) -> Iterator[Image]:
    """Builds the Dockerfile and mounts the result."""
    buildah = Buildah(folder)
    began = time.monotonic()
    _make_base(buildah)
    base_s = time.monotonic() - began
    began = time.monotonic()
    # In Docker's format: OCI's has no health check.
    options = ("--isolation", "chroot", "--format", "docker", "--build-arg", "BASE=localhost/base")
    buildah.run("bud", *options, *_pip_options(folder), "--tag", "chirp-worker", ".")
    build_s = time.monotonic() - began
    inspected = json.loads(buildah.run("inspect", "--type", "image", "chirp-worker"))
    size = json.loads(buildah.run("images", "--json", "chirp-worker"))[0]["size"]
    container = buildah.run("from", "chirp-worker")
    try:
        yield Image(
            root=Path(buildah.run("mount", container)),
            config=inspected["Docker"]["config"],
            layers=tuple(each.get("created_by", "") for each in inspected["Docker"]["history"]),
            bytes=_bytes(size),
            base_s=base_s,
            build_s=build_s,
        )
    finally:
        buildah.run("rm", container)
        # Most of a gigabyte, which pytest would keep with its folders.
        buildah.run("rmi", "--all", "--force")


def _make_base(buildah: Buildah) -> None:
    container = buildah.run("from", "scratch")
    left_out = [f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in _LEFT_OUT]
    options = ("--variant=minbase", f"--include={_PACKAGES}", "--dpkgopt=force-unsafe-io", *left_out)
    root = buildah.run("mount", container)
    command = (program("mmdebstrap"), "--quiet", "--mode=root", "--format=directory", *options, _SUITE, root)
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-3000:]
    buildah.run("config", "--env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", container)
    buildah.run("commit", "--quiet", "--rm", container, "base")


def _pip_options(folder: Path) -> tuple[str, ...]:
    """Gives the build this machine's way to the package index; nothing of it may stay in the image."""
    settings = {
        name.removeprefix(_PIP).lower().replace("_", "-"): value
        for name, value in os.environ.items()
        if name.startswith(_PIP)
    }
    config = folder / "pip.conf"
    config.write_text("\n".join(["[global]", *(f"{name} = {value}" for name, value in settings.items())]), "utf-8")
    paths = [value for value in settings.values() if value.startswith("/") and Path(value).exists()]
    mounts = [f"{config}:/etc/pip.conf:ro", *(f"{path}:{path}:ro" for path in paths)]
    return tuple(option for mount in mounts for option in ("--volume", mount))


def _bytes(size: str) -> int:
    number, unit = size.split()
    return int(float(number) * {"KB": 1000, "MB": 1000**2, "GB": 1000**3}[unit])
