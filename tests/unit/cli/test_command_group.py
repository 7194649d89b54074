"""Commands are imported when they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

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


def test_a_command_imports_no_other_one() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from worker.cli.main import app; "
        "CliRunner().invoke(app, ['batch', '--help']); "
        "print(*(name for name in ('batch', 'rollout', 'dead_letters', 'run') if f'worker.cli.{name}' in sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["batch"]
