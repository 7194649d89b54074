"""The journal of a batch under way: what was sent, what ended, how far the topics are read. It survives SIGKILL."""

import fcntl
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from pydantic import Field, ValidationError

from schemas.errors import RefusedError, UsageError
from schemas.job import Message
from worker.batch.manifest import Entry, Sent, sync_folder


class Positions(Message):
    """Offsets by partition: up to where the completions are read, and where the lane ended before the first job."""

    completions: dict[int, int] = Field(default_factory=dict)
    lane: dict[int, int] = Field(default_factory=dict)


class JournalEntry(Message):
    """One line of the journal; each says what has happened since the one before."""

    positions: Positions | None = None
    sent: tuple[Sent, ...] = ()
    ended: tuple[Entry, ...] = ()
    unsent: tuple[str, ...] = Field(default=(), description="ids of jobs that were noted as sent and never were")


class Journal:
    """An append-only file that one process at a time has open.

    Args:
        path: of the file.

    Raises:
        RefusedError: another command has it open.
        UsageError: it can't be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = self._locked()

    def _locked(self) -> IO[bytes]:
        while True:
            try:
                file = self._path.open("ab+")
            except OSError as error:
                raise UsageError(f"{self._path}: can't be written: {error.strerror}") from None
            if not _lock(file):
                file.close()
                raise RefusedError(f"{self._path}: another `chirp-worker batch` is at work on this manifest")
            # Whoever had it before may have put another file in its place meanwhile.
            if self._path.exists() and os.fstat(file.fileno()).st_ino == self._path.stat().st_ino:
                return file
            file.close()

    def read(self) -> list[JournalEntry]:
        """All notes; of a last line that was cut by a crash nothing is left.

        Raises:
            UsageError: a line in its middle is none of ours.
        """
        self._file.seek(0)
        content = self._file.read()
        notes, whole_bytes = _notes(content, self._path)
        if whole_bytes < len(content):
            self._file.truncate(whole_bytes)
        return notes

    def append(self, note: JournalEntry) -> None:
        """Writes a note; when it returns, the note survives whatever ends this process or machine.

        Raises:
            OSError: it can't be written.
        """
        self._file.write(_line(note))
        self._file.flush()
        os.fsync(self._file.fileno())

    def replace(self, notes: Iterable[JournalEntry]) -> None:
        """Puts shorter notes that say the same in the place of all.

        Raises:
            OSError: they can't be written.
        """
        beside = self._path.with_name(f".{self._path.name}.part")
        file = beside.open("wb+")
        # Before it has its name: nobody else can have it in between.
        _lock(file)
        file.write(b"".join(_line(note) for note in notes))
        file.flush()
        os.fsync(file.fileno())
        beside.replace(self._path)
        sync_folder(self._path.parent)
        self._file.close()
        self._file = file

    def close(self) -> None:
        """Lets others have it."""
        self._file.close()


def journal_entries(path: Path) -> list[JournalEntry]:
    """The notes of a journal that another process may be writing; none where there is no such file.

    Raises:
        UsageError: a line in its middle is none of ours, or it can't be read.
    """
    try:
        return _notes(path.read_bytes(), path)[0]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {error.strerror}") from None


def _notes(content: bytes, path: Path) -> tuple[list[JournalEntry], int]:
    """The notes that are whole, and how many bytes they are; a last line may be cut."""
    whole, end, _ = content.rpartition(b"\n")
    notes = []
    for number, line in enumerate(whole.split(b"\n") if end else (), start=1):
        try:
            notes.append(JournalEntry.model_validate_json(line))
        except ValidationError as error:
            raise UsageError(f"{path}:{number}:1: {error.errors(include_input=False)[0]['msg']}") from None
    return notes, len(whole) + len(end)


def _line(note: JournalEntry) -> bytes:
    return json.dumps(note.model_dump(mode="json", exclude_defaults=True)).encode() + b"\n"


def _lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
