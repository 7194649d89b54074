"""What is shipped: the packages of a lock file and of the project's extras, and the licence that each states."""

import json
import re
import subprocess
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_PINNED: Final = re.compile(r"(?m)^([A-Za-z0-9][^\n\\]*)")


@dataclass(frozen=True)
class Licence:
    """A package and the licence that its metadata states."""

    package: str
    version: str
    licence: str


def locked_packages(lock: Path) -> set[str]:
    """The packages of a lock file that this platform installs."""
    pinned = (Requirement(line.strip()) for line in _PINNED.findall(lock.read_text(encoding="utf-8")))
    return {canonicalize_name(each.name) for each in pinned if each.marker is None or each.marker.evaluate()}


def packages_of_extras(project: str) -> set[str]:
    """The packages that a project's extras bring, with all that these need.

    Raises:
        PackageNotFoundError: the project isn't installed.
    """
    extras = set(distribution(project).metadata.get_all("Provides-Extra") or ())
    return set(_needed(project, extras, set()))


def read_licences(packages: Collection[str]) -> list[Licence]:
    """What pip-licenses finds of installed packages; one that isn't installed is missing.

    Raises:
        CalledProcessError: pip-licenses failed.
    """
    # With `mixed`, a licence expression comes before classifiers, and these before free text. What pip-licenses itself
    # needs, such as wcwidth, is "system" to it.
    options = ["--with-system", "--from=mixed", "--format=json"]
    command = [sys.executable, "-m", "piplicenses", *options, "--packages", *sorted(packages)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return [Licence(canonicalize_name(each["Name"]), each["Version"], each["License"]) for each in found]


def _needed(package: str, extras: Collection[str], seen: set[str]) -> Iterator[str]:
    try:
        lines = distribution(package).requires or ()
    except PackageNotFoundError:
        # Of another platform, or the caller finds that it is missing.
        return
    for requirement in map(Requirement, lines):
        name = canonicalize_name(requirement.name)
        is_wanted = requirement.marker is None or any(
            requirement.marker.evaluate({"extra": extra}) for extra in (*extras, "")
        )
        if is_wanted and name not in seen:
            seen.add(name)
            yield name
            yield from _needed(name, requirement.extras, seen)
