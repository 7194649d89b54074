"""The progress of a batch shows all its figures, however narrow the terminal is."""

from __future__ import annotations

import re

import pytest

from worker.batch.runner import RunProgress
from worker.cli.batch_progress import show_progress

FIGURES = "done 11,000, cached 9,000, fallback 40, failed 345"


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_figure_is_cut_off(width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    with show_progress() as observe:
        observe(RunProgress(total=20_000, done=11_000, cached=9_000, fallback=40, failed=345, dollars=12.34))
    printed = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)
    words = " ".join(printed.split())
    assert "11345/20000" in words
    assert all(figure in words for figure in FIGURES.split(", "))
    assert "12.34 USD" in words
    assert "…" not in printed
