"""What commands print can't be obeyed by a terminal, whoever wrote it."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.cli import terminal

HOSTILE = "a\x1b[31mred\x1b]0;title\x07\r\x08\x9b2J\x7f\u202e\u2066\u2028\ud800z"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_printed_without_what_a_terminal_obeys_and_otherwise_as_it_is(text: str) -> None:
    cleaned = terminal.clean(text)
    assert not OBEYED.search(cleaned)
    if not OBEYED.search(text):
        assert cleaned == text


def test_what_is_cleaned_stays_visible() -> None:
    assert terminal.clean("a\x1b[31m\u202e\tb\n") == "a\\x1b[31m\\u202e\tb\n"


@pytest.mark.parametrize("as_json", [False, True])
def test_every_way_out_is_cleaned(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show([{HOSTILE: HOSTILE}], as_json=as_json)
    terminal.show([{HOSTILE: HOSTILE}], as_json=False, to_stderr=True)
    terminal.show([], as_json=False, nothing=HOSTILE)
    terminal.show_one({HOSTILE: [HOSTILE]}, as_json=as_json)
    terminal.note(HOSTILE)
    terminal.say(HOSTILE)
    captured = capsys.readouterr()
    for printed in (captured.out, captured.err):
        assert not OBEYED.search(printed)
        assert "\\x1b[31mred" in printed


def test_json_keeps_its_content(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show_one({"key": HOSTILE, "text": "歡迎 🙂"}, as_json=True)
    out = capsys.readouterr().out
    assert json.loads(out) == {"key": HOSTILE, "text": "歡迎 🙂"}
    assert "歡迎 🙂" in out
