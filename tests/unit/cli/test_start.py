"""The command line starts fast: a command loads what it needs, and not the clients of all others."""

import subprocess
import sys

import pytest

SLOW = ("aioboto3", "google.cloud.texttospeech_v1", "grpc", "matplotlib", "numpy", "soundfile")
"""Together two fifths of what a start would take."""


@pytest.mark.parametrize("arguments", [["--help"], ["decide"], ["config", "show"], ["batch", "template"]])
def test_a_command_that_asks_nobody_loads_no_client(arguments: list[str]) -> None:
    program = (
        f"import sys; from worker.cli.main import app; app({arguments!r}, standalone_mode=False); "
        f"print('loaded:', *sorted(set({SLOW!r}) & set(sys.modules)))"
    )

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ended.stdout.splitlines()[-1] == "loaded:"
