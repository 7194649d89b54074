"""A full disk: the command ends with the name of the file, leaves nothing behind, and goes on once there is space."""

from __future__ import annotations

import errno
import os
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from worker.batch.journal import Journal, JournalEntry

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND, THIRD = (JournalEntry(unsent=(name,)) for name in ("a", "b", "c"))


class Disk:
    """Whether there is space left for what is made durable."""

    is_full = False

    def fsync(self, _: int) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(os, "fsync", disk.fsync)
    return disk


def test_a_journal_that_cant_be_compacted_keeps_its_entries_and_leaves_no_part(tmp_path: Path, disk: Disk) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append(FIRST)
    disk.is_full = True
    with pytest.raises(OSError, match="No space left") as caught:
        journal.replace([SECOND])
    assert caught.value.filename == str(tmp_path / "journal")
    assert [path.name for path in tmp_path.iterdir()] == ["journal"]
    disk.is_full = False
    journal.append(THIRD)
    journal.close()
    again = Journal(tmp_path / "journal")
    assert again.read() == [FIRST, THIRD]
    again.close()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")  # noqa: PTH110
def test_closing_a_journal_hides_no_error_of_a_full_disk(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    # From here on every write ends with ENOSPC, also that of the buffer by which the file is closed.
    full = os.open("/dev/full", os.O_RDWR)
    os.dup2(full, journal._file.fileno())
    os.close(full)
    with pytest.raises(OSError, match="No space left") as caught, closing(journal):
        journal.append(FIRST)
    assert caught.value.filename == str(tmp_path / "journal")
