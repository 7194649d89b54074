"""The lock files can be installed by pip, also once newer releases of what they pin are there."""

from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = Path(__file__).parents[2] / "requirements"


def locked(name: str) -> dict[str, Requirement]:
    lines = (LOCKS / name).read_text().splitlines()
    pinned = [Requirement(line.removesuffix("\\").strip()) for line in lines if line[:1].isalnum()]
    return {canonicalize_name(each.name): each for each in pinned}


def wanted() -> list[tuple[str, Requirement]]:
    """What installed packages, and the project, want with extras: who wants it, and what."""
    found = []
    for distribution in distributions():
        for line in distribution.requires or ():
            requirement = Requirement(line)
            if requirement.extras and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
                found.append((canonicalize_name(distribution.metadata["Name"]), requirement))
    return found


@pytest.mark.parametrize("name", ["run.txt", "image.txt", "local.txt", "neural.txt", "listening.txt", "dev.txt"])
def test_what_a_locked_package_wants_with_extras_is_pinned_with_them(name: str) -> None:
    pinned = locked(name)
    installed = {*pinned, "chirp-worker"}
    of_the_lock = [(who, each) for who, each in wanted() if who in installed and canonicalize_name(each.name) in pinned]

    missing = [
        f"{who} wants {each}"
        for who, each in of_the_lock
        if not each.extras <= pinned[canonicalize_name(each.name)].extras
    ]

    # pip takes a requirement with extras for another than the pinned one, and wants its newest release, without a hash.
    assert of_the_lock
    assert not missing
