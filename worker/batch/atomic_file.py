"""Writes files that survive a crash: each is complete or absent, whenever the process or the machine stops."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from worker.batch.regular_file import check_regular

DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
UNWRITABLE: Final = DISK_FULL | {errno.EROFS}
"""No other file can be written there either."""
_LONGEST_NAME: Final = 200
# What a file system without hard links answers, such as exFAT or some network shares.
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


def replace_file(path: Path, content: bytes) -> None:
    """Writes a file atomically: a reader finds the old content or the new one, never a part.

    Raises:
        NotRegularFileError: a folder, a link, a FIFO or a device is in its place; replacing it would remove that.
        OSError: the file can't be written.
    """
    check_regular(path)
    with _written(path, content) as part:
        part.replace(path)


def create_file(path: Path, content: bytes) -> None:
    """Writes a file atomically where there is none.

    Raises:
        FileExistsError: there is one: another process was faster.
        OSError: the file can't be written.
    """
    with _written(path, content) as part:
        try:
            os.link(part, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            part.replace(path)


def part_of(path: Path, ending: str) -> Path:
    """Where a file is written before it gets its name: beside it, hidden, by a name that is no longer than allowed."""
    name = path.name
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return path.with_name(f".{name}.{ending}")


@contextmanager
def named_errors(path: Path, part: Path | None = None) -> Iterator[None]:
    """Gives the errors of writing a file its name: those of an open file have none, and others that of its part."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in {None, None if part is None else str(part)}:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def _written(path: Path, content: bytes) -> Iterator[Path]:
    """A complete file beside the path, which is moved or linked to the path inside."""
    # Another command may write a file of the same name at the same time.
    part = part_of(path, f"{os.getpid()}.part")
    with named_errors(path, part):
        # Left by a crash; a FIFO or a link of that name would be written through.
        part.unlink(missing_ok=True)
        try:
            with part.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            yield part
        finally:
            part.unlink(missing_ok=True)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder survive a power failure, as fsync does for the content of a file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
