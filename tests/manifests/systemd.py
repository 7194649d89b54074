"""Checks the units of `deploy/systemd`: by systemd's own checker, their rights, their variables and their secrets."""

import shutil
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.manifests import environment

SYSTEMD: Final = Path(__file__).parents[2] / "deploy" / "systemd"
MOST_EXPOSURE: Final = 2.0
"""What `systemd-analyze security` may say at most, of 10; a unit without any protection has 9.6."""

_PROGRAM: Final = "/opt/chirp-worker/bin/chirp-worker"
_SPECIFIERS: Final = {"%i": "1", "%H": "host", "%d": "/run/credentials"}


def units() -> dict[str, str]:
    """The committed units' texts by their names."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(SYSTEMD.glob("*.service"))}


def variables(unit: str) -> dict[str, str]:
    """What the unit's process finds in its environment."""
    lines = (SYSTEMD / "settings.env").read_text(encoding="utf-8").splitlines()
    pairs = [line for line in lines if line and not line.startswith("#")] + _assignments(unit)["Environment"]
    found = dict(pair.split("=", 1) for pair in pairs)
    for specifier, meaning in _SPECIFIERS.items():
        found = {name: value.replace(specifier, meaning) for name, value in found.items()}
    return found


def problems(name: str, unit: str) -> Iterator[str]:
    """What is wrong with a unit."""
    yield from environment.problems(variables(unit))
    given = _assignments(unit)
    loaded = {each.split(":")[0] for each in given["LoadCredential"]}
    named = {each.split("%d/", 1)[1] for each in given["Environment"] if "%d/" in each}
    yield from (f"no LoadCredential={each}" for each in sorted(named - loaded))
    yield from (f"LoadCredential={each} is used by no variable" for each in sorted(loaded - named))
    yield from _verify(name, unit)


def _verify(name: str, unit: str) -> Iterator[str]:
    if shutil.which("systemd-analyze") is None:
        raise SystemExit("systemd-analyze is not installed; Debian's package systemd has it")
    with tempfile.TemporaryDirectory() as folder:
        # The checker wants the program to be there.
        (Path(folder) / name).write_text(unit.replace(_PROGRAM, "/usr/bin/true"), encoding="utf-8")
        instance = f"./{name.replace('@.', '@1.')}"
        for command in (
            ("verify", "--man=no", instance),
            ("security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSURE * 10:.0f}", f"./{name}"),
        ):
            ended = subprocess.run(
                ("systemd-analyze", *command), check=False, capture_output=True, text=True, cwd=folder
            )
            # `verify` only warns of what it doesn't know, and a warning is what a misspelt name gets.
            if ended.returncode or (command[0] == "verify" and ended.stderr):
                yield f"systemd-analyze {command[0]}: {(ended.stderr or ended.stdout[-200:]).strip()}"


def _assignments(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for line in unit.splitlines():
        if "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found[name].append(value)
    return found
