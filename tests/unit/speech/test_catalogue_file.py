"""A file of characters that can't be read soon is refused by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from schemas.errors import UsageError
from worker.speech.catalogue_file import load_catalogue


def test_a_fifo_in_the_place_of_a_catalogue_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "characters.yaml"
    os.mkfifo(path)
    with pytest.raises(UsageError, match=r"characters\.yaml: is a FIFO, a socket or a device"):
        load_catalogue(path)


def test_a_file_of_gigabytes_in_the_place_of_a_catalogue_is_refused_and_not_read(tmp_path: Path) -> None:
    path = tmp_path / "characters.yaml"
    with path.open("wb") as file:
        file.truncate(6 * 2**30)
    with pytest.raises(UsageError, match="has 6,442,450,944 bytes; a catalogue has at most 10,485,760"):
        load_catalogue(path)


def test_a_folder_and_a_missing_file_are_refused_by_name(tmp_path: Path) -> None:
    for path, problem in ((tmp_path, "Is a directory"), (tmp_path / "none.yaml", "No such file")):
        with pytest.raises(UsageError, match=problem):
            load_catalogue(path)
