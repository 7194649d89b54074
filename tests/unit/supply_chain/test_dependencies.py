"""The check sees all that is shipped, and refuses a package without a licence or with one that isn't allowed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from supply_chain.dependencies import locked_packages, packages_of_extras

ROOT = Path(__file__).parents[3]


def check(folder: Path, lock: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs the check on a lock file, with the packages of a folder installed beside all others."""
    (folder / "lock.txt").write_text(lock)
    return subprocess.run(
        [sys.executable, "-m", "supply_chain", "--lock", str(folder / "lock.txt"), *options],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"},
    )


@pytest.mark.parametrize(
    ("metadata", "objection"),
    [
        ("", "has no licence"),
        ("License-Expression: GPL-3.0-or-later\n", "'GPL-3.0-or-later' is not allowed"),
        ("Classifier: License :: Other/Proprietary License\n", "'Other/Proprietary License' is not allowed"),
    ],
)
def test_a_package_without_a_licence_or_with_another_is_refused(tmp_path: Path, metadata: str, objection: str) -> None:
    about = tmp_path / "probe-1.0.dist-info" / "METADATA"
    about.parent.mkdir()
    about.write_text(f"Metadata-Version: 2.4\nName: probe\nVersion: 1.0\n{metadata}")
    ended = check(tmp_path, "probe==1.0 \\\n    --hash=sha256:00\n", "--check")
    assert ended.returncode == 1, ended.stderr
    assert ended.stderr == f"refused: probe 1.0: {objection}; supply_chain/allowed.py\n"
    assert "1 refused" in ended.stdout


def test_a_locked_package_that_is_not_installed_is_refused(tmp_path: Path) -> None:
    ended = check(tmp_path, "no-such-package==1.0\n", "--check")
    assert ended.returncode == 1
    assert ended.stderr == "refused: no-such-package isn't installed, so its licence is unknown\n"


def test_all_that_is_shipped_may_be(tmp_path: Path) -> None:
    ended = check(tmp_path, (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8"))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "certifi" in ended.stdout
    assert "0 refused" in ended.stdout


def test_a_package_of_another_platform_is_not_shipped_here(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("colorama==1 ; sys_platform == 'win32' \\\n    --hash=sha256:00\nAio_kafka[zstd]==1 \\\n")
    assert locked_packages(lock) == {"aio-kafka"}


def test_the_extras_and_what_they_need_are_shipped() -> None:
    found = packages_of_extras("chirp-worker")
    assert {"matplotlib", "pillow", "opentelemetry-sdk", "aws-msk-iam-sasl-signer-python"} <= found
    assert "pytest" not in found
