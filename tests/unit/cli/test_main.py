"""The whole command line: the version, and option groups that typer reads as options."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

import worker
from worker.cli.main import app


def test_the_version_is_printed_and_is_the_packages() -> None:
    ended = CliRunner().invoke(app, ["--version"])
    assert (ended.exit_code, ended.output) == (0, f"chirp-worker {version('chirp-worker')}\n")
    assert worker.__version__ == version("chirp-worker")


def test_the_package_runs_as_a_module() -> None:
    ended = subprocess.run([sys.executable, "-m", "worker", "--version"], capture_output=True, text=True, check=True)
    assert ended.stdout == f"chirp-worker {worker.__version__}\n"


@pytest.mark.parametrize("command", ["set", "include", "start", "resume", "promote"])
def test_a_command_that_may_widen_exposure_can_be_confirmed_and_bound_to_a_revision(command: str) -> None:
    shown = CliRunner().invoke(app, ["rollout", command, "--help"], env={"COLUMNS": "200"}).output
    places = [shown.index(option) for option in ("--actor", "--reason", "--yes", "--revision", "--json")]
    assert places == sorted(places)


@pytest.mark.parametrize("command", ["off", "exclude", "approve", "reject", "pause", "rollback", "stop"])
def test_a_command_that_never_widens_exposure_asks_nothing(command: str) -> None:
    shown = CliRunner().invoke(app, ["rollout", command, "--help"], env={"COLUMNS": "200"}).output
    assert all(option in shown for option in ("--actor", "--reason", "--json"))
    assert "--yes" not in shown
    assert "--revision" not in shown


@pytest.mark.parametrize("arguments", [["batch", "template"], ["--help"], ["config", "show", "--json"]])
def test_a_reader_that_has_seen_enough_ends_a_command_quietly(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "worker", *arguments]
    ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")  # noqa: PTH110
def test_an_output_that_has_no_space_is_an_error() -> None:
    command = [sys.executable, "-m", "worker", "batch", "template"]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("chirp-worker: the disk: No space left on device; free some space")


def test_an_output_that_lacks_a_letter_gets_its_escape() -> None:
    command = [sys.executable, "-m", "worker", "batch", "template", "csv"]
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    ended = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"\\u4eca\\u5929" in ended.stdout
