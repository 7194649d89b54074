"""`enqueue` without its servers: what it refuses before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from schemas.errors import UsageError
from worker.cli import enqueue
from worker.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_in_a_folder_that_isnt_there_is_refused_before_the_line_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sent(*_: object) -> None:
        pytest.fail("it was sent")

    monkeypatch.setattr(enqueue, "_enqueue", sent)
    path = tmp_path / "missing" / "a.ogg"
    ended = CliRunner().invoke(app, ["enqueue", "Good morning.", "--save", str(path)])
    assert isinstance(ended.exception, UsageError)
    assert str(ended.exception) == f"--save={path}: there is no folder {path.parent}"
