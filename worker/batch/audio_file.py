"""Reads audio files in a folder that other programs write into too: regular files alone, within a bound."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Final

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
    # Non-blocking: opening a FIFO that nobody writes to would wait for ever.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(f"{path} is a symbolic link; move it away to get the take") from None
        if error.errno == errno.ENXIO:
            raise OSError(f"{path} is a socket; move it away to get the take") from None
        raise
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "a FIFO or a device"
            raise OSError(f"{path} is {kind}; move it away to get the take")
        size = os.fstat(descriptor).st_size
        if size > MAX_TAKE_BYTES:
            raise OSError(f"{path} has {size:,} bytes and is no take; move it away to get the take")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)
