"""The journal of a batch: a write-ahead log of jobs sent, jobs ended and topic offsets. It survives SIGKILL."""

import fcntl
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from pydantic import Field, ValidationError

from schemas.errors import RefusedError, UsageError
from schemas.message import Message
from worker.batch.atomic_file import named_errors, part_of, sync_folder
from worker.batch.entry import ManifestEntry, SentJob
from worker.batch.invalid_row import describe_row
from worker.batch.regular_file import open_descriptor, read_regular

_LARGEST_BYTES: Final = 2**30


class Positions(Message):
    """Offsets by partition: the next completion to read, and the end of the lane before the batch's first job."""

    completions: dict[int, int] = Field(default_factory=dict)
    lane: dict[int, int] = Field(default_factory=dict)


class JournalEntry(Message):
    """One line of the journal: what has happened since the line before."""

    positions: Positions | None = None
    sent: tuple[SentJob, ...] = ()
    ended: tuple[ManifestEntry, ...] = ()
    unsent: tuple[str, ...] = Field(default=(), description="ids of jobs that were recorded as sent and never were")
    asked: tuple[str, ...] | None = Field(default=None, description="candidates of the last redo, in place of earlier")
    served: dict[str, str] = Field(default_factory=dict, description="by candidate, the verdict that it was made for")
    owner: str = Field(default="", description="who has the journal open, for whoever is refused")


class Journal:
    """An append-only file, locked by one process at a time.

    Raises:
        RefusedError: another command has the journal open; the message says whose.
        UsageError: the file can't be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._owner = ""
        # Where the owner's line begins and ends: as long as it is the last one, closing removes it.
        self._signed = (0, 0)
        self._file = self._open_locked()

    def _open_locked(self) -> IO[bytes]:
        while True:
            try:
                file = _open(self._path, os.O_APPEND | os.O_CREAT)
            except OSError as error:
                raise UsageError(
                    f"{self._path}: can't be written: {error.strerror}; --manifest names another place for it"
                ) from None
            if not _lock(file):
                file.close()
                raise RefusedError(
                    f"{self._path}: another `chirp-worker batch` is running on this manifest{_owner_of(self._path)}; "
                    "wait until it ends, or stop it with Ctrl-C, which loses nothing"
                )
            # The previous owner of the lock may have replaced the file after it was opened here.
            if self._path.exists() and os.fstat(file.fileno()).st_ino == self._path.stat().st_ino:
                return file
            file.close()

    def read(self) -> list[JournalEntry]:
        """All entries. A last line that a crash has cut off is removed.

        Raises:
            UsageError: another line is no journal entry.
        """
        self._file.seek(0)
        if os.fstat(self._file.fileno()).st_size > _LARGEST_BYTES:
            raise UsageError(f"{self._path}: has more than {_LARGEST_BYTES:,} bytes and is no journal")
        content = self._file.read()
        entries, whole_bytes = _parse(content, self._path)
        if whole_bytes < len(content):
            self._file.truncate(whole_bytes)
        return entries

    def sign(self, owner: str) -> None:
        """Writes who has the journal open, once `read` has removed what a crash has cut off.

        Args:
            owner: a phrase such as "mei on desk-3"; empty for nobody.

        Raises:
            OSError: the file can't be written.
        """
        self._owner = owner
        if owner:
            begin = self._size()
            self.append(JournalEntry(owner=owner))
            self._signed = (begin, self._size())

    def append(self, entry: JournalEntry) -> None:
        """Writes an entry durably: once this returns, it survives the end of the process and of the machine.

        Raises:
            OSError: the file can't be written.
        """
        with named_errors(self._path):
            self._file.write(_line(entry))
            self._file.flush()
            os.fsync(self._file.fileno())

    def replace(self, entries: Iterable[JournalEntry]) -> None:
        """Compacts the journal: replaces its content atomically by entries that say the same in fewer lines.

        Raises:
            OSError: the file can't be written.
        """
        part = part_of(self._path, "part")
        with named_errors(self._path, part):
            # Left by a crash; a FIFO or a link of that name would be written through.
            part.unlink(missing_ok=True)
            file = _open(part, os.O_CREAT | os.O_EXCL)
            try:
                # Locked before it gets its name: no other process can lock it in between.
                _lock(file)
                signed_from = file.write(b"".join(_line(entry) for entry in entries))
                if self._owner:
                    file.write(_line(JournalEntry(owner=self._owner)))
                file.flush()
                os.fsync(file.fileno())
                part.replace(self._path)
            except BaseException:
                _close(file)
                part.unlink(missing_ok=True)
                raise
            sync_folder(self._path.parent)
        _close(self._file)
        self._file = file
        self._signed = (signed_from, self._size())

    def close(self) -> None:
        """Closes the file, which releases the lock."""
        begin, end = self._signed
        # A full or vanished disk keeps the line: whoever reads it next has the lock by then, and passes over it.
        with suppress(OSError):
            if begin < end == self._size():
                self._file.truncate(begin)
        _close(self._file)

    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size


def journal_entries(path: Path) -> list[JournalEntry]:
    """The entries of a journal that another process may be writing; none where the file doesn't exist.

    Raises:
        UsageError: a line but the last is no journal entry, or the file can't be read.
    """
    try:
        return _parse(read_regular(path, _LARGEST_BYTES), path)[0]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {error.strerror}") from None


def _parse(content: bytes, path: Path) -> tuple[list[JournalEntry], int]:
    """The entries of the complete lines, and the length of these lines in bytes."""
    whole, end, _ = content.rpartition(b"\n")
    entries = []
    for number, line in enumerate(whole.split(b"\n") if end else (), start=1):
        try:
            entries.append(JournalEntry.model_validate_json(line))
        except ValidationError as error:
            raise UsageError(
                f"{path}:{number}:{describe_row(error)}; without the file, what it had pending is sent again, and what "
                "is stored by then isn't paid for again"
            ) from None
    return entries, len(whole) + len(end)


def _owner_of(path: Path) -> str:
    try:
        owners = [each.owner for each in journal_entries(path) if each.owner]
    except UsageError:
        # Another version's, whose entries this one doesn't know.
        return ""
    return f" ({owners[-1]})" if owners else ""


def _line(entry: JournalEntry) -> bytes:
    return json.dumps(entry.model_dump(mode="json", exclude_defaults=True)).encode() + b"\n"


def _open(path: Path, flags: int) -> IO[bytes]:
    return os.fdopen(open_descriptor(path, os.O_RDWR | flags), "rb+")


def _close(file: IO[bytes]) -> None:
    # What a full disk refused was raised where it was written; closing tries to write it once more.
    with suppress(OSError):
        file.close()


def _lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise UsageError(
            f"{file.name}: can't be locked: {error.strerror}; --manifest names a place on a disk that can lock files"
        ) from None
    return True
