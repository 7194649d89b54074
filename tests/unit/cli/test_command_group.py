"""Commands are imported when they are used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.errors import UsageError
from worker.cli.main import COMMANDS, app


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_under_its_name(name: str) -> None:
    ended = CliRunner().invoke(app, [name, "--help"], prog_name="chirp-worker")
    assert ended.exit_code == 0
    assert f"Usage: chirp-worker {name} " in ended.output


def test_help_lists_all_commands_in_their_order() -> None:
    output = CliRunner().invoke(app, ["--help"]).output
    places = [output.index(f"│ {name} ") for name in COMMANDS]
    assert places == sorted(places)


def test_one_that_is_unknown_is_refused_with_the_nearest() -> None:
    ended = CliRunner().invoke(app, ["btach"])
    assert ended.exit_code == 2
    assert "Did you mean 'batch'?" in ended.output


def test_a_misspelt_command_of_batch_is_no_script() -> None:
    ended = CliRunner().invoke(app, ["batch", "lin", "lines.csv"])
    assert ended.exit_code == 2
    assert "No such command 'lin'. Did you mean" in ended.output
    assert "'lint'" in ended.output


def test_a_script_may_have_nearly_the_name_of_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lints").mkdir()
    ended = CliRunner().invoke(app, ["batch", "lints", "--no-such-option"], prog_name="chirp-worker")
    assert "chirp-worker batch run" in ended.output


def test_a_folder_that_is_missing_is_named_before_the_line_is_sent(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["enqueue", "Hello.", "--save", str(tmp_path / "gone" / "hello.ogg")])
    assert isinstance(ended.exception, UsageError)
    assert f"there is no folder {tmp_path / 'gone'}" in str(ended.exception)


def test_a_command_imports_no_other_one() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from worker.cli.main import app; "
        "CliRunner().invoke(app, ['batch', '--help']); "
        "print(*(name for name in ('batch', 'rollout', 'dead_letters', 'run') if f'worker.cli.{name}' in sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["batch"]
