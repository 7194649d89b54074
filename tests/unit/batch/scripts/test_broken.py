"""Broken scripts, fifty and more: an error with file, line and column for each, nothing sent, no traceback."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from typer.testing import CliRunner

from worker.cli import batch_run
from worker.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "job_id,character,text\n"
GOOD = "good-1,pip_boy,All is well.\n"


class Broken(NamedTuple):
    """A script, and the place of its error: the line, the column, and part of the message."""

    content: bytes
    line: int
    column: str
    message: str
    file: str = "script.csv"


def csv(text: str, line: int, column: str, message: str) -> Broken:
    return Broken(text.encode(), line, column, message)


def row(cells: str, column: str, message: str, header: str = HEAD) -> Broken:
    """A CSV script with a good line and a bad one after it."""
    more = "," * (header.count(",") - 2)
    return csv(f"{header}{GOOD.rstrip()}{more}\n{cells}\n", 3, column, message)


def jsonl(text: str, line: int, column: str, message: str) -> Broken:
    return Broken(text.encode(), line, column, message, "script.jsonl")


def entry(column: str, message: str, **fields: Any) -> Broken:
    """A JSON Lines script with a bad line."""
    document = {"job_id": "bad-1", "character": "pip_boy", "text": "Hello.", **fields}
    document = {name: value for name, value in document.items() if value is not None}
    return jsonl(json.dumps(document) + "\n", 1, column, message)


WITH = "job_id,character,text,"
BROKEN = {
    # encodings
    "an encoding that isn't detected": Broken(HEAD.encode() + b"a,pip_boy,\x81\xff\n", 2, "11", "0x81 is not UTF-8"),
    "utf-16 that ends in a character": Broken(
        codecs.BOM_UTF16_LE + (HEAD + GOOD).encode("utf-16-le") + b"a", 3, "1", "is not UTF-16-LE"
    ),
    "utf-16 with half a pair": Broken(
        codecs.BOM_UTF16_LE + HEAD.encode("utf-16-le") + b"a\x00\x00\xd8,\x00", 2, "2", "is not UTF-16-LE"
    ),
    "utf-32 cut": Broken(codecs.BOM_UTF32_LE + HEAD.encode("utf-32-le") + b"a\x00", 2, "1", "is not UTF-32-LE"),
    "a picture": Broken(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00", 1, "1", "no text at all"),
    "a zip of a spreadsheet": Broken(b"PK\x03\x04\x14\x00\x06\x00\x08\x00", 1, "1", "no text at all"),
    # columns
    "empty": csv("", 1, "1", "is empty"),
    "nothing but a BOM": Broken(codecs.BOM_UTF8, 1, "1", "is empty"),
    "blank lines": csv("\n\n \n", 1, "1", "is empty"),
    "columns and no line": csv(HEAD, 2, "1", "has no line"),
    "no job_id": csv("character,text\npip_boy,hi\n", 1, "C", "the column job_id is missing"),
    "no character": csv("job_id,text\na,hi\n", 1, "C", "the column character is missing"),
    "no text": csv("job_id,character\na,pip_boy\n", 1, "C", "the column text is missing"),
    "no header at all": csv("a,pip_boy,hi\n", 1, "D", "the column job_id is missing"),
    "a misspelt column": csv(
        "job_id,character,txt\na,pip_boy,hi\n", 1, "D", "text is missing (or ssml); did you mean 'txt'"
    ),
    "a column twice": csv("job_id,character,text,text\na,pip_boy,hi,ho\n", 1, "D", "occurs twice"),
    "a cell without a column": row("a,pip_boy,hi,oops", "D", "the column has no name", HEAD.rstrip() + ",\n"),
    "a comma outside of quotes": row("a,pip_boy,Well, well", "D", "has 4 cells for 3 columns"),
    "a cell too few": row("a,pip_boy", "C (text)", "exactly one of text and ssml"),
    # quotes
    "a quote that is never closed": csv(HEAD + 'a,pip_boy,"oh\nb,pip_boy,hi\n', 2, "11", "never closed"),
    "a quote inside a quoted cell": csv(HEAD + 'a,pip_boy,"he said "no" to me"\n', 2, "21", "written twice"),
    "a huge field": csv(HEAD + "a,pip_boy," + "x" * 200_000 + "\n", 2, "11", "longer than 131,072"),
    "a text over the limit": row("a,pip_boy," + "word " * 12_000, "C (text)", "at most 50000"),
    # lines
    "an empty line": row("a,pip_boy,", "C (text)", "exactly one of text and ssml"),
    "no words": row("a,pip_boy,…?!", "C (text)", "has no word"),
    "a control character": row("a,pip_boy,ring\x07ring", "C (text)", "U+0007"),
    "a NUL": row("a,pip_boy,ring\x00ring", "C (text)", "U+0000"),
    "a mark that is none": row("a,pip_boy,Oh [pitch +3] no", "C (text)", "is not a mark"),
    "SSML in text": row("a,pip_boy,<speak>hi</speak>", "C (text)", "looks like SSML"),
    "broken SSML": row("a,pip_boy,,<speak>hi", "D (ssml)", "not well-formed", WITH + "ssml\n"),
    "text and SSML": row("a,pip_boy,hi,<speak>hi</speak>", "C (text)", "exactly one", WITH + "ssml\n"),
    "no id": row(",pip_boy,hi", "A (job_id)", "Field required"),
    "no character in a line": row("a,,hi", "B (character)", "Field required"),
    "an unknown character": row("a,deathclaw,hi", "B (character)", "is unknown"),
    "a language that nobody speaks": row("a,ghoul,hi,de-DE", "D (language)", "none of ghoul's", WITH + "language\n"),
    "a language that is none": row("a,ghoul,hi,English", "D (language)", "is no language's tag", WITH + "language\n"),
    "Chirp where it doesn't speak": row(
        "a,ghoul,早安,cmn-TW,chirp3-hd", "E (voice)", "does not speak cmn-TW", WITH + "language,voice\n"
    ),
    "a rate in words": row("a,ghoul,hi,fast", "D (speaking_rate)", "no number", WITH + "speaking_rate\n"),
    "a decimal comma": row('a,ghoul,hi,"1,5"', "D (speaking_rate)", "no number", WITH + "speaking_rate\n"),
    "a pitch beyond the scale": row("a,ghoul,hi,40", "D (pitch)", "less than or equal to 20", WITH + "pitch\n"),
    "a take and a half": row("a,ghoul,hi,1.5", "D (take)", "no whole number", WITH + "take\n"),
    "pronunciations that are no JSON": row(
        "a,ghoul,hi,ghoul=x", "D (pronunciations)", "is no JSON", WITH + "pronunciations\n"
    ),
    "an encoding that nobody makes": row(
        "a,ghoul,hi,FLAC", "D (audio.encoding)", "OGG_OPUS", WITH + "audio.encoding\n"
    ),
    "a path as an id": row("../../etc/passwd,ghoul,hi", "A (job_id)", "pattern"),
    "an absolute path as an id": row("/etc/passwd,ghoul,hi", "A (job_id)", "pattern"),
    "a backslash in an id": row("..\\\\a,ghoul,hi", "A (job_id)", "pattern"),
    "a character that is a path": row("a,../ghoul,hi", "B (character)", "is unknown"),
    "an id twice": row("good-1,ghoul,hi", "A (job_id)", "is also the id of the line at script.csv:2"),
    "two ids that are one file": row("GOOD-1,pip_boy,hi", "A (job_id)", "would have the same file"),
    "two ids that are one file once made safe": csv(
        HEAD + "a:1,pip_boy,hi\na_1,pip_boy,ho\n", 3, "A (job_id)", "would have the same file"
    ),
    "an id that is too long": row("a" * 120 + ",ghoul,hi", "A (job_id)", "at most 110"),
    # JSON Lines
    "no JSON": jsonl('{"job_id": "a", }\n', 1, "17", "is not JSON"),
    "a list": jsonl("[1, 2]\n", 1, "1", "is a JSON list"),
    "a line in two": jsonl('{"job_id": "a",\n"text": "hi"}\n', 1, "16", "is not JSON"),
    "a field twice": jsonl('{"job_id": "a", "job_id": "b"}\n', 1, "1", "occurs twice"),
    "nested too deeply": jsonl("[" * 100_000 + "\n", 1, "1", "nested too deeply"),
    "no number": jsonl('{"job_id": "a", "pitch": NaN}\n', 1, "1", "NaN is no JSON number"),
    "nothing": jsonl("\n\n", 1, "1", "is empty"),
    "a field that no job has": entry("voise", "is not a field of a job", voise="wavenet"),
    "a number as an id": entry("job_id", "valid string", job_id=7),
    "half a pair in a text": entry("text", "U+D800", text="hi \ud800"),
    "a scene that is a list": entry("scene", "a scene is a text", scene=["a"]),
    "a pronunciation without a phrase": entry("pronunciations", "required", pronunciations=[{"phonetic": "x"}]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_error_has_its_file_line_and_column_and_nothing_is_sent(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_run.Batch, "_run", _must_not_begin)
    broken = BROKEN[name]
    script = tmp_path / broken.file
    script.write_bytes(broken.content)
    ended = CliRunner().invoke(app, ["batch", str(script), "--yes", "--json"])
    assert ended.exit_code != 0
    assert type(ended.exception).__name__ == "UsageError"
    (document,) = [json.loads(ended.stdout)]
    errors = [each for each in document["findings"] if each["severity"] == "error"]
    first = errors[0]
    assert (first["file"], first["line"], first["column"]) == (broken.file, broken.line, broken.column), errors
    assert broken.message in first["message"], errors
    assert not list(tmp_path.glob("*.manifest.*"))

    linted = CliRunner().invoke(app, ["batch", "lint", str(script)])
    assert linted.exit_code == 2
    assert f"{broken.file}:{broken.line}:{broken.column}: error: " in linted.stdout


def _must_not_begin(*_: object) -> int:
    raise AssertionError("a broken script got as far as the servers")


def test_there_are_fifty_of_them() -> None:
    assert len(BROKEN) >= 50


def test_all_errors_in_all_files_of_a_folder_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "act-1").mkdir()
    (tmp_path / "act-1" / "a.csv").write_text(f"{HEAD}a,nobody,hi\nb,pip_boy,...\nc,ghoul,good\n", encoding="utf-8")
    (tmp_path / "b.jsonl").write_text('{"job_id": "d", "character": 3, "pitch": 99}\n{]\n', encoding="utf-8")
    (tmp_path / "b.jsonl.manifest.jsonl").write_text("no script of ours\n", encoding="utf-8")
    (tmp_path / "notes.md").write_text("not a script", encoding="utf-8")
    ended = CliRunner().invoke(app, ["batch", "lint", str(tmp_path), "--json"])
    assert ended.exit_code == 2
    found = [(each["file"], each["line"], each["column"]) for each in json.loads(ended.stdout)["findings"]]
    assert found == [
        ("act-1/a.csv", 2, "B (character)"),
        ("act-1/a.csv", 3, "C (text)"),
        ("b.jsonl", 1, "character"),
        ("b.jsonl", 1, "pitch"),
        ("b.jsonl", 2, "2"),
    ]


def test_strict_stops_for_warnings_too(tmp_path: Path) -> None:
    script = tmp_path / "script.csv"
    script.write_text("job_id,character,text,pitch\na,ghoul,hi,-3\n", encoding="utf-8")
    assert CliRunner().invoke(app, ["batch", "lint", str(script)]).exit_code == 0
    assert CliRunner().invoke(app, ["batch", "lint", "--strict", str(script)]).exit_code == 2
    ended = CliRunner().invoke(app, ["batch", "--strict", str(script), "--yes"])
    assert "--strict allows none" in str(ended.exception)


def test_a_script_is_distinguished_from_a_command(tmp_path: Path) -> None:
    for command in (["batch", str(tmp_path / "a.csv")], ["batch", "run", str(tmp_path / "a.csv")]):
        assert "there is no such file" in str(CliRunner().invoke(app, command).exception)
    assert CliRunner().invoke(app, ["batch", "template", "csv"]).stdout.startswith("job_id,character,text")
    assert "SCRIPT" in CliRunner().invoke(app, ["batch", "--help"]).stdout


@pytest.mark.parametrize("path", ["missing.csv", "script.xlsx", "."])
def test_a_path_to_no_script_is_refused_in_one_line(path: str, tmp_path: Path) -> None:
    (tmp_path / "script.xlsx").write_bytes(b"PK")
    ended = CliRunner().invoke(app, ["batch", str(tmp_path / path)])
    assert type(ended.exception).__name__ == "UsageError"
    assert "\n" not in str(ended.exception)
