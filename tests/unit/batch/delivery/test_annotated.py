"""The script's own files with the audio of each line: read by kept libraries, and imported again as the same lines."""

from __future__ import annotations

import csv
import io
import json
import shutil
import zipfile
from typing import TYPE_CHECKING, Any

import openpyxl
import polib
import pytest
from lxml import etree
from typer.testing import CliRunner

from schemas.field_types import MAX_TEXT_BYTES
from tests.unit.batch.scripts.tables.samples import SAMPLES, Sample, ods, ods_row, workbook
from worker.batch.delivery.annotated.copies import ScriptCopies
from worker.batch.delivery.model import DeliveredLine
from worker.batch.scripts.loader import read_script
from worker.batch.scripts.mapping.file import read_mapping
from worker.batch.scripts.model import Severity
from worker.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path

WITHOUT = {"Gate.yarn", "story.json", "twine.json", "articy.json", "subs.srt", "talk.vtt"}


def imported(script: Path, *options: str) -> list[tuple[str, str, str, str | None]]:
    ended = CliRunner().invoke(app, ["batch", "import", str(script), *options, "--json"])
    assert ended.exit_code == 0, ended.output
    read = read_script(script, MAX_TEXT_BYTES)
    assert [each for each in read.findings if each.severity is Severity.ERROR] == []
    return [(each.id, each.job.character, each.job.language, each.job.text) for each in read.lines]


def annotated(script: Path) -> tuple[dict[str, bytes], list[str]]:
    lines = read_script(script, MAX_TEXT_BYTES).lines
    delivered = [DeliveredLine(each, f"{each.job.language}/{each.id}.ogg", 1.0) for each in lines]
    copies = ScriptCopies(script, read_mapping(script), lambda file: f"res://voice/{file}")
    return {each.name: each.content for each in copies.tables(delivered)}, copies.notes


def written(folder: Path, file: str, content: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / file).write_bytes(content)
    return folder / file


def copy_of(tmp_path: Path, file: str, content: bytes, *options: str) -> bytes:
    """The copy, which is imported again as the same lines, and is copied again as the same bytes."""
    script = written(tmp_path / "script", file, content)
    lines = imported(script, *options)
    (copy,), notes = annotated(script)[0].values(), annotated(script)[1]
    assert notes == []
    again = written(tmp_path / "again", file, copy)
    assert imported(again, *options) == lines
    assert annotated(again) == ({f"script/{file}": copy}, [])
    # With the script's own mapping too.
    shutil.copy(tmp_path / "script/chirp-batch.yaml", tmp_path / "again/chirp-batch.yaml")
    assert imported(again) == lines
    return copy


def audio_of(sample: Sample) -> dict[str, str]:
    return {line_id: f"res://voice/{language}/{line_id}.ogg" for line_id, _, language, _ in sample.lines}


def rows_of(content: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline=""), delimiter=delimiter))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_copy_of_each_format_is_imported_again_as_the_same_lines_or_said_to_be_none(
    name: str, tmp_path: Path
) -> None:
    sample = SAMPLES[name]
    if name in WITHOUT:
        script = written(tmp_path / "script", name, sample.content)
        imported(script, *sample.options)
        copies, (note,) = annotated(script)
        assert copies == {}
        assert note.startswith(f"{name}: no copy with the audio: ")
        return
    copy = copy_of(tmp_path, name, sample.content, *sample.options)
    text = (
        b"".join(zipfile.ZipFile(io.BytesIO(copy)).read(part) for part in _parts(copy)) if copy[:2] == b"PK" else copy
    )
    for audio in audio_of(sample).values():
        assert text.count(audio.encode()) == 1


def _parts(archive: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(archive)).namelist()


@pytest.mark.parametrize(
    ("name", "column", "delimiter"),
    [
        ("script.csv", "Audio", ","),
        ("yarn_strings.csv", "Audio", ","),
        ("dialogue.tab", "Audio", "\t"),
        ("dialogue_manager.csv", "_audio", ","),
        ("ST_Dialogue.csv", "Audio", ","),
        ("DT_Dialogue.csv", "Sound", ","),
        ("DialogueScript.csv", "Audio", ","),
    ],
)
def test_a_table_has_the_audio_in_the_column_that_its_tool_may_have_and_all_else_as_it_was(
    name: str, column: str, delimiter: str, tmp_path: Path
) -> None:
    sample = SAMPLES[name]
    rows = rows_of(copy_of(tmp_path, name, sample.content, *sample.options), delimiter)
    before = rows_of(sample.content, delimiter)
    assert {row[column] for row in rows} - {""} == set(audio_of(sample).values())
    changed = {column} & before[0].keys()
    assert [{key: row[key] for key in old if key not in changed} for row, old in zip(rows, before, strict=True)] == [
        {key: value for key, value in old.items() if key not in changed} for old in before
    ]


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("godot.csv", ["keys", "en", "zh_TW", "ja", "_audio en", "_audio zh-TW"]),
        (
            "unity.csv",
            ["Key", "Id", "Shared Comments", "English(en)", "English(en) Comments", "Chinese (Traditional)(zh-Hant)",
             "Audio en", "Audio zh-Hant"],
        ),
    ],
)  # fmt: skip
def test_a_table_of_several_languages_has_a_column_for_each(name: str, columns: list[str], tmp_path: Path) -> None:
    sample = SAMPLES[name]
    copy = copy_of(tmp_path, name, sample.content, *sample.options)
    rows = rows_of(copy)
    assert list(rows[0]) == columns
    assert {row[name] for row in rows for name in columns[-2:]} == set(audio_of(sample).values())
    assert copy.count(b"\r\n") == sample.content.count(b"\r\n")


@pytest.mark.parametrize(
    "content",
    [
        b'\xef\xbb\xbfLine ID;Speaker;Text\r\nL1;Ghoul;"One;\r\ntwo"\r\n\r\nL2;Ghoul;Two\r\n',
        b'sep=|\nAct 1||\nLine ID|Speaker|Text\nL1|Ghoul|"One ""x"""\nL2|Ghoul|Two',
        "Line ID\tSpeaker\tText\nL1\tGhoul\t一二三\nL2\tGhoul\t四五六\n".encode("utf-16"),
    ],
)  # fmt: skip
def test_the_bytes_of_a_table_stay_but_for_the_new_cells(content: bytes, tmp_path: Path) -> None:
    copy = copy_of(tmp_path, "act.csv", content)
    encoding = "utf-16" if content.startswith(b"\xff\xfe") else "utf-8"
    text = copy.decode(encoding)
    for each in "L1", "L2":
        text = text.replace(f"res://voice/en-US/{each}.ogg", "")
    for end in ";Audio", "|Audio", "\tAudio":
        text = text.replace(end, "")
    stripped = "".join(row.rstrip(";|\t\r\n") for row in text.splitlines(keepends=True))
    assert stripped == "".join(row.rstrip(";|\t\r\n") for row in content.decode(encoding).splitlines(keepends=True))


def test_a_job_table_and_job_lines_have_the_audio_as_a_label(tmp_path: Path) -> None:
    csv_file = b"job_id,character,text\na,ghoul,One.\nb,ghoul,Two.\n"
    script = written(tmp_path, "lines.csv", csv_file)
    (copy,) = annotated(script)[0].values()
    assert [row["labels.audio"] for row in rows_of(copy)] == [f"res://voice/en-US/{each}.ogg" for each in "ab"]
    script = written(tmp_path, "lines.jsonl", b'{"job_id": "a", "character": "ghoul", "text": "\xe4\xb8\x80"}\n')
    (copy,) = annotated(script)[0].values()
    assert json.loads(copy)["labels"] == {"audio": "res://voice/en-US/a.ogg"}
    for name, content in ("lines.csv", csv_file), ("lines.jsonl", copy):
        again = read_script(written(tmp_path / "again", name, content), MAX_TEXT_BYTES)
        assert [each.id for each in again.lines] == (["a", "b"] if name == "lines.csv" else ["a"])
        assert again.findings == ()


def test_a_workbook_keeps_its_formulas_results_and_styles(tmp_path: Path) -> None:
    rows = [["Act 1"], ["Line ID", "Speaker", "Dialogue", "Length"], ["a", "Ghoul", "One & two.", "=LEN(C3)"]]
    book = openpyxl.load_workbook(io.BytesIO(workbook(Act_1=rows, Act_2=[*rows[1:2], ["b", "Ghoul", "B.", None]])))
    book["Act 1"]["C3"].font = openpyxl.styles.Font(bold=True)
    file = io.BytesIO()
    book.save(file)
    # As a spreadsheet stores it, with its result.
    with_result = io.BytesIO()
    with zipfile.ZipFile(file) as before, zipfile.ZipFile(with_result, "w") as after:
        for name in before.namelist():
            after.writestr(name, before.read(name).replace(b"<v></v>", b"<v>10</v>").replace(b"<v />", b"<v>10</v>"))
    copy = openpyxl.load_workbook(io.BytesIO(copy_of(tmp_path, "act.xlsx", with_result.getvalue())))
    first = copy["Act 1"]
    assert [cell.value for cell in first[2]] == ["Line ID", "Speaker", "Dialogue", "Length", "Audio"]
    assert [cell.value for cell in first[3]] == ["a", "Ghoul", "One & two.", "=LEN(C3)", "res://voice/en-US/a.ogg"]
    assert first["C3"].font.bold
    assert [cell.value for cell in copy["Act 2"][2]][-1] == "res://voice/en-US/b.ogg"


def test_a_spreadsheets_repeated_cells_and_an_own_column_are_split_around_the_audio(tmp_path: Path) -> None:
    empty = '<table:table-cell table:number-columns-repeated="1000"/>'
    row = ods_row("b", "Ghoul", "B.").replace("</table:table-row>", f"{empty}</table:table-row>")
    body = (
        ods_row("Line ID", "Speaker", "Dialogue", "Audio", "Notes") + row + ods_row("c", "Ghoul", "C.", "old", "soft")
    )
    copy = copy_of(tmp_path, "act.ods", ods(f'<table:table table:name="Act 1">{body}</table:table>'))
    content = zipfile.ZipFile(io.BytesIO(copy)).read("content.xml").decode()
    assert 'table:number-columns-repeated="999"' in content
    assert "old" not in content
    assert zipfile.ZipFile(io.BytesIO(copy)).namelist()[0] == "mimetype"


def test_a_po_file_has_a_translators_comment_for_each_form(tmp_path: Path) -> None:
    sample = SAMPLES["zh.po"]
    copy = copy_of(tmp_path, "zh.po", sample.content, *sample.options)
    before, after = polib.pofile(sample.content.decode()), polib.pofile(copy.decode())
    assert [each.tcomment for each in after if not each.obsolete] == [
        "audio: res://voice/zh-TW/GATE_1.ogg", "", "audio: res://voice/zh-TW/GATE_3_0_.ogg",
    ]  # fmt: skip
    assert [(each.msgctxt, each.msgid, each.msgstr, each.comment, each.flags) for each in after] == [
        (each.msgctxt, each.msgid, each.msgstr, each.comment, each.flags) for each in before
    ]


@pytest.mark.parametrize(("name", "units"), [("act.xlf", "trans-unit"), ("act.xliff", "unit")])
def test_an_xliff_unit_has_a_note_where_the_standard_allows_it(name: str, units: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    copy = copy_of(tmp_path, name, sample.content, *sample.options)
    found: list[Any] = list(etree.fromstring(copy).iter("{*}" + units))
    children = [[etree.QName(child).localname for child in each] for each in found]
    if units == "unit":
        assert children[0][:2] == ["notes", "originalData"]
    else:
        assert children == [["source", "target", "note", "note", "alt-trans"], ["source", "target", "note"]]
    notes = [note.text for each in found for note in each.iter("{*}note")]
    assert {each for each in notes if each.startswith("audio: ")} == {
        f"audio: {each}" for each in audio_of(sample).values()
    }


def test_an_unreal_tables_json_has_the_sound_and_keeps_its_order(tmp_path: Path) -> None:
    sample = SAMPLES["DT_Dialogue.json"]
    (record,) = json.loads(copy_of(tmp_path, "DT_Dialogue.json", sample.content, *sample.options))
    assert list(record) == ["Name", "Speaker", "DialogueText", "Sound"]
    assert record["Sound"] == "res://voice/en-US/Row_002.ogg"


def test_texts_by_id_have_no_place(tmp_path: Path) -> None:
    script = written(tmp_path, "texts.json", b'{"a": "One.", "b": "Two."}')
    imported(script, "--character", "ghoul")
    assert "texts by their ids have no place" in annotated(script)[1][0]
