"""Opens files in a studio's folders, where other programs write too: regular files alone, within a bound.

Reading a FIFO or a device may take for ever, and a file of many gigabytes all memory.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Final

from schemas.errors import UsageError

_LINK: Final = "is a symbolic link"
_SOCKET: Final = "is a socket"


class NotRegularFileError(UsageError, OSError):
    """A path leads to something that can't be read or replaced as a file; `strerror` says to what."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(errno.EINVAL, problem, str(path))

    def __str__(self) -> str:
        return f"{self.filename} {self.strerror}"


def open_descriptor(path: Path, flags: int, *, follow: bool = False) -> int:
    """Opens a regular file, without waiting for whoever else may have to open it.

    Args:
        flags: of `os.open`.
        follow: a symbolic link too.

    Raises:
        NotRegularFileError: it is none.
        OSError: it can't be opened.
    """
    if not follow:
        flags |= os.O_NOFOLLOW
    try:
        # Non-blocking: opening a FIFO that nobody writes to would wait for ever.
        descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        known = {errno.ELOOP: _LINK, errno.ENXIO: _SOCKET, errno.EISDIR: "is a folder"}
        if error.errno in known:
            raise NotRegularFileError(path, known[error.errno]) from None
        raise
    if (problem := _problem(os.fstat(descriptor).st_mode)) is not None:
        os.close(descriptor)
        raise NotRegularFileError(path, problem)
    return descriptor


def check_regular(path: Path) -> None:
    """Passes a path where a regular file is, or nothing.

    Raises:
        NotRegularFileError: something else is there.
    """
    try:
        problem = _problem(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if problem is not None:
        raise NotRegularFileError(path, problem)


def _problem(mode: int) -> str | None:
    kinds = {stat.S_IFREG: None, stat.S_IFDIR: "is a folder", stat.S_IFLNK: _LINK, stat.S_IFSOCK: _SOCKET}
    return kinds.get(stat.S_IFMT(mode), "is a FIFO or a device")


@contextmanager
def open_regular(path: Path, most_bytes: int, *, follow: bool = False) -> Iterator[BufferedReader]:
    """Opens a file for reading.

    Raises:
        FileNotFoundError: there is none.
        NotRegularFileError: it is no regular file, or larger than `most_bytes`.
        OSError: it can't be opened.
    """
    with os.fdopen(open_descriptor(path, os.O_RDONLY, follow=follow), "rb") as file:
        if (size := os.fstat(file.fileno()).st_size) > most_bytes:
            raise NotRegularFileError(path, f"has {size:,} bytes; allowed are {most_bytes:,}")
        yield file


def read_regular(path: Path, most_bytes: int, *, follow: bool = False) -> bytes:
    """The content of a file.

    Raises:
        FileNotFoundError, NotRegularFileError, OSError: as of `open_regular`.
    """
    with open_regular(path, most_bytes, follow=follow) as file:
        return file.read()


def real_path(path: Path) -> Path:
    """A script's path without symbolic links: its own files lie beside the script itself.

    Raises:
        NotRegularFileError: its links lead round in a circle.
    """
    try:
        return path.resolve()
    except RuntimeError:
        raise NotRegularFileError(path, "is a symbolic link that leads to itself") from None


def followed(path: Path) -> Path:
    """The file that a path means: the one that a symbolic link leads to, or the path itself.

    Raises:
        NotRegularFileError: the link leads to no file, such as one in a folder that isn't mounted, or to a device.
    """
    if not path.is_symlink():
        return path
    try:
        target = path.resolve(strict=True)
        is_file = target.is_file()
    except (OSError, RuntimeError):
        is_file = False
    if not is_file:
        raise NotRegularFileError(path, f"is a symbolic link to {path.readlink()}, where no file is")
    return target
