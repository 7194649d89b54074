"""Files that are broken or made to harm: an error with file and place, and no more memory than is allowed."""

from __future__ import annotations

import io
import os
import tracemalloc
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from schemas.field_types import MAX_TEXT_BYTES
from tests.unit.batch.scripts.tables.samples import ODS_HEAD, SAMPLES, changed_sheet, ods, ods_row, workbook
from worker.batch.scripts import extra
from worker.batch.scripts.loader import read_script
from worker.batch.scripts.mapping.own_columns import is_own_column
from worker.batch.scripts.model import Finding, Severity
from worker.batch.scripts.tables.model import LARGEST_ROWS
from worker.batch.scripts.tables.reader import ENDINGS, read_tables
from worker.batch.scripts.tables.sheet_part import read_sheet_part
from worker.batch.scripts.text_encoding import UndecodableError
from worker.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path

HEAD = ["job_id", "character", "text"]
MAPPING = 'scripts:\n- file: "{name}"\n  columns: {{job_id: id, text: {text}}}\n  character: ghoul\n'


def errors(path: Path) -> list[str]:
    return [str(each) for each in read_script(path, MAX_TEXT_BYTES).findings if each.severity is Severity.ERROR]


def mapped(folder: Path, name: str, content: bytes, text: str = "text") -> list[str]:
    (folder / name).write_bytes(content)
    (folder / "chirp-batch.yaml").write_text(MAPPING.format(name=name, text=text), encoding="utf-8")
    return errors(folder / name)


def bomb(member: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(member, "w") as inside:
        for _ in range(300):
            inside.write(bytes(2**20))
    return written.getvalue()


@pytest.mark.parametrize("name", ["a.xlsx", "a.ods"])
def test_a_zip_bomb_is_refused_by_its_directory(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(bomb("content.xml"))
    tracemalloc.start()
    (found,) = errors(tmp_path / name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == f"{name}:1:1: error: unpacks to 300 MiB; at most 192 MiB are read"
    assert peak < 50 * 2**20


ENTITIES = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c SYSTEM "file:///etc/passwd">]>'
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xlf", f'{ENTITIES}<xliff version="1.2"><trans-unit><source>&b;&c;</source></trans-unit></xliff>'.encode()),
        ("a.ods", ods('<table:table table:name="A"/>', ENTITIES + ODS_HEAD.partition("?>")[2])),
    ],
)  # fmt: skip
def test_entities_are_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (found,) = mapped(tmp_path, name, content)
    assert found.startswith(f"{name}:1:1: error: declares entities")


def test_entities_in_a_workbook_are_refused(tmp_path: Path) -> None:
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook(A=[HEAD, ["a", "ghoul", "Hi."]]))) as good,
        zipfile.ZipFile(written, "w") as bad,
    ):
        for member in good.namelist():
            content = good.read(member)
            if "sheet1" in member:
                content = (
                    ENTITIES.encode() + content.partition(b"?>")[2]
                    if content.startswith(b"<?")
                    else ENTITIES.encode() + content
                )
            bad.writestr(member, content)
    (tmp_path / "a.xlsx").write_bytes(written.getvalue())
    (found,) = errors(tmp_path / "a.xlsx")
    assert found.startswith("a.xlsx:1:1: error: is no Excel workbook")


def test_a_row_far_down_the_sheet_ends_the_reading(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(HEAD)
    book.active.cell(row=1_000_000, column=1, value="far")
    book.save(tmp_path / "a.xlsx")
    (found,) = errors(tmp_path / "a.xlsx")
    assert found.startswith(f"a.xlsx[Sheet]:{LARGEST_ROWS + 2}:1: error: is row {LARGEST_ROWS + 2:,} of the table")


@pytest.mark.parametrize(
    "far",
    [
        '<c r="XFD1048576">',
        '<c x:r="A3" r="XFD1048576">',
        '<c note=">" r="XFD1048576">',
        "<c r='XFD1048576'>",
        '<x.y:c r="XFD1048576">',
        '<c r="&#88;FD1048576">',
        "<c>",
        "<c\n>",
    ],
)
def test_a_cell_that_may_be_far_away_is_read_by_the_reader_that_holds_no_rectangle(far: str) -> None:
    plain = workbook(A=[HEAD, ["a", "ghoul", 7]])
    for content, is_plain in ((plain, True), (changed_sheet(plain, {'<c r="C2" t="n">': far}), False)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert read_sheet_part(archive, "xl/worksheets/sheet1.xml").is_plain is is_plain


def test_repeated_rows_and_cells_of_a_sheet_are_bounded(tmp_path: Path) -> None:
    repeated = (
        '<table:table-row table:number-rows-repeated="900000000">'
        '<table:table-cell table:number-columns-repeated="999999999">'
        "<text:p>x</text:p></table:table-cell></table:table-row>"
    )
    (tmp_path / "a.ods").write_bytes(ods(f'<table:table table:name="A">{ods_row(*HEAD)}{repeated}</table:table>'))
    (found,) = errors(tmp_path / "a.ods")
    assert found == (
        "a.ods:1:1: error: the sheet 'A' has more than 300,000 rows from row 2 on; at most 300,000 are read"
    )


def test_a_formula_without_a_result_is_an_error_with_its_cell_and_one_with_a_result_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(workbook(A=[HEAD, ["a", "ghoul", '="Hi "&A2'], ["b", "ghoul", "Go."]]))
    (found,) = errors(tmp_path / "a.xlsx")
    assert found.startswith("a.xlsx[A]:2:C (text): error: is a formula without a stored result")
    cell = '<table:table-cell table:formula="of:=1" office:value-type="string">{}</table:table-cell>'
    formula = ods_row("a", "ghoul").replace("</table:table-row>", f"{cell}</table:table-row>")
    for result, expected in (("", "without a stored result"), ("<text:p>Err:502</text:p>", "whose result is Err:502")):
        body = ods_row(*HEAD) + formula.format(result)
        (tmp_path / "a.ods").write_bytes(ods(f'<table:table table:name="A">{body}</table:table>'))
        assert expected in errors(tmp_path / "a.ods")[0]
    body = ods_row(*HEAD) + formula.format("<text:p>Hi a</text:p>")
    (tmp_path / "a.ods").write_bytes(ods(f'<table:table table:name="A">{body}</table:table>'))
    assert [line.job.text for line in read_script(tmp_path / "a.ods", MAX_TEXT_BYTES).lines] == ["Hi a"]


BROKEN = {
    "no workbook": ("a.xlsx", b"PK\x03\x04 and no more", "a.xlsx:1:1: error: is no spreadsheet"),
    "a text as a workbook": ("a.xlsx", b"job_id,text\n", "a.xlsx:1:1: error: is no spreadsheet"),
    "a workbook without sheets": ("a.xlsx", ods(""), "a.xlsx:1:1: error: is no Excel workbook"),
    "a spreadsheet without content": ("a.ods", workbook(A=[HEAD]), "a.ods:1:1: error: is no OpenDocument spreadsheet"),
    "half an XLIFF": ("a.xlf", b"<xliff version='1.2'>\n<file>", "a.xlf:2:1: error: is no well-formed XML"),
    "another XML": ("a.xlf", b"<html/>", "a.xlf:1:1: error: is XML of another kind"),
    "no PO": ("a.po", b'msgid ""\nmsgstr ""\n\nhello there\n', "a.po:4:1: error: is no PO file from here on"),
    "no SRT": ("a.srt", b"hello\nthere\n", "a.srt:1:1: error: is no SRT"),
    "no VTT": ("a.vtt", b"hello\nthere\n", "a.vtt:1:1: error: is no WebVTT"),
    "an empty SRT": ("a.srt", b"", "a.srt:1:1: error: holds no text"),
    "broken JSON": ("a.json", b'{\n"a": }', "a.json:2:1: error: is not JSON"),
    "deep JSON": ("a.json", b"[" * 100_000, "a.json:1:1: error: is JSON that can't be read"),
    "another JSON": ("a.json", b"[1, 2]", "a.json:1:1: error: is JSON of another kind"),
    "ink without a root": ("a.json", b'{"inkVersion": 21}', "a.json:1:1: error: has no root container"),
    "deep ink": ("a.json", b'{"inkVersion": 21, "root": ' + b"[" * 300 + b"]" * 300 + b"}", "deeper than 200"),
    "JSON Lines of a list": ("a.jsonl", b'{"id": "a", "text": "Hi."}\n[1]\n', "a.jsonl:2:1: error: is no JSON object"),
    "a node without a title": ("a.yarn", b"---\nHi.\n===\n", "a.yarn:1:1: error: a node has no title"),
    "a ZIP as CSV": ("a.csv", workbook(A=[HEAD]), "a.csv:1:1: error: is no text at all, but a ZIP"),
    "a table of another kind": ("a.csv", b"name,line\na,Hi.\n", "a.csv:1:1: error: has no column 'id'"),
    "a NUL": ("a.csv", b"id,text\na,Hi\x00 there and good-bye.\n", "U+0000"),
    "a huge cell": ("a.csv", b"id,text\na," + b"word " * 20_000 + b"\n", "at most 50000 are allowed"),
    "a text of a string table": ("a.csv", b'id,text\na,"LOCTABLE(""ST"",""K"")"\n', "in the string table ST"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_an_error_with_its_place(name: str, tmp_path: Path) -> None:
    file, content, expected = BROKEN[name]
    found = mapped(tmp_path, file, content)
    assert any(expected in each for each in found), found
    assert all(each.startswith(file) for each in found)


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=15)
@given(cut=st.integers(0, 3000), put=st.binary(max_size=6))
def test_any_change_of_a_file_gives_rows_or_findings(name: str, cut: int, put: bytes) -> None:
    sample = SAMPLES[name]
    content = (
        sample.content[: cut % (len(sample.content) + 1)]
        + put
        + sample.content[(cut + 1) % (len(sample.content) + 1) :]
    )
    ending = f".{name.rpartition('.')[2]}"
    # What is no text raises an error of its own; nothing else may be raised.
    with suppress(UndecodableError):
        for table in read_tables(content, name, ending, is_own_column, None):
            for row in (*table.findings, *table.rows):
                assert row.place.line > 0
                assert not isinstance(row, Finding) or row.message


@pytest.mark.parametrize(
    "ending", [each for each in ENDINGS if each not in {".xlsx", ".xlsm", ".ods", ".xlf", ".xliff"}]
)
@given(content=st.binary(max_size=200))
@settings(max_examples=15)
def test_any_bytes_give_rows_or_findings(ending: str, content: bytes) -> None:
    with suppress(UndecodableError):
        for table in read_tables(content, f"a{ending}", ending, is_own_column, None):
            found = [*table.findings, *table.rows]
            assert found


def test_a_missing_library_names_the_extra_that_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(extra, "import_module", missing)
    (tmp_path / "a.xlsx").write_bytes(workbook(A=[HEAD]))
    ended = CliRunner().invoke(app, ["batch", "import", str(tmp_path / "a.xlsx")])
    assert str(ended.exception) == (
        "XLSX needs python_calamine: install the extra `studio`, pip install 'chirp-worker[studio]'"
    )


def test_a_file_that_is_no_regular_one_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    ended = CliRunner().invoke(app, ["batch", "import", str(tmp_path / "a.csv")])
    assert "is neither a regular file nor a folder" in str(ended.exception)
