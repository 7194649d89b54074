"""Writes and removes files that a delivery owns by its record; what somebody else wrote or changed stays."""

import fcntl
import hashlib
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import UsageError
from worker.batch.atomic_file import replace_file
from worker.batch.audio_file import file_sha256
from worker.batch.delivery.model import Table
from worker.batch.delivery.record import DeliveredFile, Record


def not_ours(path: Path) -> str:
    """What is said of a file that somebody else wrote or changed."""
    return f"{path} was written or changed by somebody else, so it was left; move it away"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other deliveries out of a folder.

    The folder itself is locked: a lock's file in it would be imported by the engine.

    Raises:
        UsageError: another delivery writes into it.
        OSError: it can't be opened.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"{folder}: another `batch deliver` writes into this folder; wait until it ends") from None
        yield
    finally:
        os.close(descriptor)


def write_table(folder: Path, table: Table, record: Record) -> DeliveredFile | None:
    """Write a table unless it is there already; None where somebody else's file lies in its place.

    Raises:
        OSError: it can't be written, or no regular file lies in its place.
    """
    path, before = folder / table.name, record.files.get(table.name)
    found, wanted = file_sha256(path), hashlib.sha256(table.content).hexdigest()
    if found is not None and found != wanted and (before is None or found != before.sha256):
        return None
    if found != wanted:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, table.content)
    return DeliveredFile(sha256=wanted)


def old_files(folder: Path, record: Record, wanted: Collection[str]) -> Iterator[tuple[str, DeliveredFile | OSError]]:
    """Find the files of earlier deliveries that this one doesn't have; an error for what can't be read.

    A file that was changed since isn't among them.
    """
    for name, file in record.files.items():
        try:
            if name not in wanted and file_sha256(folder / name) == file.sha256:
                yield name, file
        except OSError as error:
            yield name, error
