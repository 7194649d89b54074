"""What browsers load is what its makers published, byte by byte, and nothing from another host."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from worker.console.web import app

STATIC = Path(app.__file__).with_name("static")
# SHA-256 of the files in the packages htmx.org 2.0.11 and htmx-ext-sse 2.2.4 of npm, both 0BSD.
VENDORED = {
    "htmx-2.0.11.min.js": "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
    "htmx-ext-sse-2.2.4.min.js": "98a46496de0c3605fbffdce9167ba427bdd9553184f83f149c261891a92c0136",
}


@pytest.mark.parametrize("name", VENDORED)
def test_a_vendored_file_is_unchanged(name: str) -> None:
    assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == VENDORED[name]


def test_there_is_no_other_script_but_our_own() -> None:
    assert {path.name for path in STATIC.glob("*.js")} == {*VENDORED, "listen.js"}


def test_the_style_sheet_loads_nothing() -> None:
    assert re.findall(r"url\(|@import|https?:", (STATIC / "console.css").read_text(encoding="utf-8")) == []


def test_the_assets_are_small() -> None:
    assert sum(path.stat().st_size for path in STATIC.iterdir()) < 100_000
