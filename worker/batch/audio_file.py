"""Reads audio files in a folder that other programs write into too: regular files alone, within a bound."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Final

from worker.batch.regular_file import NotRegularFileError, open_regular

MAX_TAKE_BYTES: Final = 2**30
"""No take is larger: the longest text spoken as uncompressed audio has some 300 MB. A larger file isn't read."""


def file_sha256(path: Path) -> str | None:
    """Return the SHA-256 of a file in hex; None where there is no file.

    Raises:
        OSError: it can't be read, or is no regular file (reading a FIFO may take for ever), a symbolic link, or larger
            than any take.
    """
    try:
        with _open(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def read_take(path: Path, sha256: str) -> bytes | None:
    """Return the content of a file if it is the take with this SHA-256; None where there is none, or another file.

    Raises:
        OSError: as of `file_sha256`.
    """
    try:
        with _open(path) as file:
            content = file.read()
    except FileNotFoundError:
        return None
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


def is_take(path: Path, sha256: str | None) -> bool:
    """Whether a file is the take with this SHA-256: False where there is no file, or none that can be read."""
    try:
        return sha256 is not None and file_sha256(path) == sha256
    except OSError:
        return False


@contextmanager
def _open(path: Path) -> Iterator[BufferedReader]:
    try:
        with open_regular(path, MAX_TAKE_BYTES) as file:
            yield file
    except NotRegularFileError as error:
        raise OSError(f"{error}; move it away to get the take") from None
