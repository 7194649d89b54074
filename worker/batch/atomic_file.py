"""Writes files that survive a crash: each is complete or absent, whenever the process or the machine stops."""

import os
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Writes a file atomically: a reader finds the old content or the new one, never a part.

    Raises:
        OSError: the file can't be written.
    """
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder survive a power failure, as fsync does for the content of a file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
