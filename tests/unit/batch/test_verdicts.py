"""The verdicts of a script: written and read again, and each wrong file refused with its field and what is allowed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import VerdictChoice
from schemas.errors import UsageError
from schemas.verdict import LONGEST_NOTE, LineVerdict, Verdict
from worker.batch.verdicts import (
    LARGEST_BYTES,
    merge_verdicts,
    read_verdicts,
    verdicts_path,
    write_verdicts,
)

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
VERDICTS = st.builds(
    LineVerdict,
    line=TEXTS,
    verdict=st.sampled_from(VerdictChoice),
    note=st.just("") | TEXTS,
    take=st.none() | st.integers(1, 999_999),
    sha256=st.none() | st.just("0f" * 32),
    by=st.just("") | TEXTS,
    at=st.none() | st.just("2026-11-29T16:00:00+00:00"),
)


def written(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "lines.csv.verdicts.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def with_one(**fields: object) -> dict[str, object]:
    return {"script": "lines.csv", "verdicts": [{"line": "a", "verdict": "redo", **fields}]}


@given(st.lists(VERDICTS, max_size=8, unique_by=lambda each: each.line))
def test_what_is_written_is_read_again_and_the_order_changes_no_byte(
    tmp_path_factory: pytest.TempPathFactory, verdicts: list[LineVerdict]
) -> None:
    path = tmp_path_factory.mktemp("verdicts") / "x.verdicts.json"
    write_verdicts(path, "x", verdicts)
    content = path.read_bytes()
    assert read_verdicts(path) == {each.line: each for each in verdicts}
    write_verdicts(path, "x", reversed(verdicts))
    assert path.read_bytes() == content


def test_the_page_s_export_is_read_with_what_it_leaves_empty(tmp_path: Path) -> None:
    found = read_verdicts(written(tmp_path, with_one(note="too fast\nand 太快", take=2, sha256=None, by="", at=None)))
    assert found == {"a": LineVerdict(line="a", verdict=VerdictChoice.REDO, note="too fast\nand 太快", take=2)}
    assert verdicts_path(tmp_path / "lines.csv") == tmp_path / "lines.csv.verdicts.json"


def test_a_note_or_a_chosen_take_alone_is_a_verdict(tmp_path: Path) -> None:
    found = read_verdicts(written(tmp_path, with_one(verdict=None, note="listen again")))
    assert (found["a"].verdict, found["a"].note) == (None, "listen again")
    assert read_verdicts(written(tmp_path, with_one(verdict=None, take=3)))["a"].take == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "record: is empty"),
        ("[]", "record: is a JSON list"),
        ("{", "record: is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ({"verdicts": []}, "script: Field required"),
        ({"script": "a"}, "verdicts: Field required"),
        ({"script": "a", "verdicts": {}}, "verdicts: {}: Input should be a valid tuple"),
        ({"script": "a", "verdicts": [1]}, "verdicts.0: 1: "),
        (with_one(verdict="maybe"), "verdicts.0.verdict: 'maybe': Input should be 'accept' or 'redo'"),
        (with_one(verdict=None), "verdicts.0: "),
        (with_one(note="x" * (LONGEST_NOTE + 1)), f"verdicts.0.note: Value should have at most {LONGEST_NOTE} items"),
        (with_one(note="a\x00b"), "U+0000"),
        (with_one(take=0), "verdicts.0.take: 0: Input should be greater than or equal to 1"),
        (with_one(take=1e300), "verdicts.0.take: "),
        (with_one(take="2"), "verdicts.0.take: '2': Input should be a valid integer"),
        (with_one(sha256="xyz"), "verdicts.0.sha256: 'xyz'"),
        (with_one(at="yesterday"), "verdicts.0.at: 'yesterday': must be an RFC 3339 time"),
        (with_one(mood="good"), "'mood' is not a field of verdicts"),
        (with_one(line=""), "verdicts.0.line: ''"),
        ('{"script": "a", "verdicts": [{"line": "a", "take": ' + "9" * 5000 + "}]}", "verdicts.0.take: inf"),
        (
            {"script": "a", "verdicts": [{"line": "a", "note": "1"}, {"line": "a", "note": "2"}]},
            "verdicts.1.line='a': stands twice",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_its_field_and_what_is_allowed(tmp_path: Path, content: object, said: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(UsageError) as raised:
        read_verdicts(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert said in str(raised.value)


def test_what_is_no_file_or_too_large_is_refused_unread(tmp_path: Path) -> None:
    fifo, large = tmp_path / "fifo", tmp_path / "large"
    os.mkfifo(fifo)
    with large.open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    for path, said in (
        (fifo, "is a FIFO or a device"),
        (tmp_path, "is a folder"),
        (large, "allowed are 67,108,864"),
        (tmp_path / "none", "can't be read: No such file"),
    ):
        with pytest.raises(UsageError, match=said):
            read_verdicts(path)


@given(st.binary(max_size=200))
def test_whatever_the_bytes_are_nothing_but_a_usage_error_is_raised(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("verdicts") / "x"
    path.write_bytes(content)
    with pytest.raises(UsageError):
        read_verdicts(path)


def of_console(line: str, minute: int, verdict: str | None = "redo", **more: object) -> Verdict:
    return Verdict.model_validate(
        {"line": line, "verdict": verdict, "by": "mei", "at": f"2026-11-29T16:{minute:02}:00Z", "script": "lines.csv",
         "character": "ghoul", "verdict_id": f"v-{minute}", "source": "/console/batch", **more}
    )  # fmt: skip


def test_of_the_file_s_and_the_console_s_verdicts_the_later_one_counts_and_what_was_written_by_hand_stays() -> None:
    known = {
        line: LineVerdict.model_validate({"line": line, "verdict": "accept", "at": at})
        for line, at in (("old", "2026-11-29T16:05:00Z"), ("new", "2026-11-29T16:30:00Z"), ("hand", None))
    }
    given = [of_console("old", 4), *(of_console(line, 10) for line in ("old", "new", "hand", "other"))]
    merged = merge_verdicts(known, [*given, of_console("x", 11, script="act-2.csv")], "lines.csv")
    assert {line: each.verdict for line, each in merged.items()} == {
        "old": "redo",
        "new": "accept",
        "hand": "accept",
        "other": "redo",
    }
    assert merged["old"].by == "mei"
    back = merge_verdicts(merged, [*given, of_console("old", 12, None), of_console("hand", 12, None)], "lines.csv")
    assert set(back) == {"new", "hand", "other"}
    assert merge_verdicts(back, [of_console("never", 12, None)], "lines.csv") == back
