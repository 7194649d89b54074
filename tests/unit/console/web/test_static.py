"""What browsers load is what its makers published, byte by byte, and nothing from another host."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from supply_chain.vendored import VENDORED, Vendored
from worker.console.web import app

ROOT = Path(__file__).parents[4]
STATIC = Path(app.__file__).with_name("static")


@pytest.mark.parametrize("vendored", VENDORED, ids=lambda each: each.package)
def test_a_vendored_file_is_unchanged(vendored: Vendored) -> None:
    assert hashlib.sha256((ROOT / vendored.path).read_bytes()).hexdigest() == vendored.sha256
    assert vendored.version in vendored.path


def test_there_is_no_other_script_but_our_own() -> None:
    own = {"listen.js", "login.js", "scene.js", "verdict.js"}
    assert {path.name for path in STATIC.glob("*.js")} == {*(Path(each.path).name for each in VENDORED), *own}


def test_the_style_sheet_loads_nothing() -> None:
    assert re.findall(r"url\(|@import|https?:", (STATIC / "console.css").read_text(encoding="utf-8")) == []


def test_the_assets_are_small() -> None:
    assert sum(path.stat().st_size for path in STATIC.iterdir()) < 100_000
