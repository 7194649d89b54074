"""The CPUs of a container, whatever the machine has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from worker.lifecycle import cpus
from worker.lifecycle.cpus import usable_cpus


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({}, 8),
        ({"v2": "max 100000\n"}, 8),
        ({"v2": "300000 100000\n"}, 3),
        ({"v2": "250000 100000\n"}, 2),
        ({"v2": "50000 100000\n"}, 1),
        ({"v2": "1600000 100000\n"}, 8),
        ({"quota": "-1\n", "period": "100000\n"}, 8),
        ({"quota": "200000\n", "period": "100000\n"}, 2),
        ({"v2": "nonsense\n"}, 8),
        ({"v2": "100000 0\n"}, 8),
    ],
)
def test_a_quota_counts_where_it_is_less_than_the_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: dict[str, str], wanted: int
) -> None:
    monkeypatch.setattr(cpus.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert usable_cpus(tmp_path / "v2", (tmp_path / "quota", tmp_path / "period")) == wanted


def test_here_there_is_one_at_least() -> None:
    assert 1 <= usable_cpus() <= (os.cpu_count() or 1)
