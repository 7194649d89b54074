"""chirp-batch.yaml: what it says is done, what is wrong with it is said, and nothing else is guessed."""

from __future__ import annotations

import codecs
import json
import re
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from schemas.field_types import JOB_ID_PATTERN, MAX_TEXT_BYTES
from tests.unit.batch.scripts.tables.samples import workbook
from worker.batch.scripts.loader import read_script
from worker.batch.scripts.mapping.column_names import language_tag
from worker.batch.scripts.mapping.ids import LONGEST_ID, line_id, placed_id
from worker.batch.scripts.mapping.likely_language import likely_language
from worker.batch.scripts.mapping.speakers import split_speaker
from worker.batch.scripts.mapping.unreal import plain_text
from worker.batch.scripts.model import Script
from worker.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path

ID = re.compile(JOB_ID_PATTERN)
TABLE = "Key,Who,Line,Status,Notes\nk1,Tom,Hello.,final,warm\nk2,,Ann: Go away.,draft,\nk3,Tom,,final,\n"


def script(folder: Path, mapping: str, table: str | bytes = TABLE, name: str = "act.csv") -> Script:
    (folder / name).write_bytes(table if isinstance(table, bytes) else table.encode())
    (folder / "chirp-batch.yaml").write_text(mapping, encoding="utf-8")
    return read_script(folder / name, MAX_TEXT_BYTES)


def told(read: Script) -> list[str]:
    return [str(each) for each in read.findings]


FULL = """\
scripts:
- file: act.csv
  columns: {job_id: KEY, character: who, text: Line, labels.note: Notes}
  character: codsworth
  speaker_prefix: true
  language: zh-Hant
  labels: [Status]
characters: {tom: ghoul, Ann: raider}
"""


def test_a_mapping_says_columns_characters_prefixes_language_and_labels(tmp_path: Path) -> None:
    read = script(tmp_path, FULL)
    assert [
        (each.id, each.job.character, each.job.text, each.job.language, each.job.labels) for each in read.lines
    ] == [
        ("k1", "ghoul", "Hello.", "zh-Hant", {"note": "warm", "Status": "final"}),
        ("k2", "raider", "Go away.", "zh-Hant", {"Status": "draft"}),
    ]
    assert told(read) == ["act.csv:1:Line: warning: 1 row has no text and is no line: line 4"]


def test_rows_are_filtered_by_their_values(tmp_path: Path) -> None:
    for rule, expected in (("keep: {status: [FINAL]}", ["k1"]), ("skip: {Status: [final, other]}", ["k2"])):
        read = script(tmp_path, FULL.replace("  language: zh-Hant", f"  {rule}"))
        assert [each.id for each in read.lines] == expected


def test_a_column_without_a_meaning_is_a_label_with_one_warning(tmp_path: Path) -> None:
    read = script(tmp_path, FULL.replace("  labels: [Status]\n", ""))
    assert told(read)[0] == (
        "act.csv:1:D (Status): warning: kept as labels, since no field of a job has this name: Status"
    )
    assert read.lines[0].job.labels["Status"] == "final"


def test_a_column_that_is_missing_is_an_error_with_the_nearest_name(tmp_path: Path) -> None:
    read = script(tmp_path, FULL.replace("text: Line", "text: Lines"))
    (found,) = told(read)
    assert found == (
        "act.csv:1:1: error: has no column 'Lines' (of columns.text in chirp-batch.yaml); did you mean 'Line'?; it has "
        "Key, Who, Line, Status, Notes"
    )


def test_a_name_without_a_character_and_a_row_without_a_speaker_are_errors(tmp_path: Path) -> None:
    mapping = (
        FULL.replace("tom: ghoul", "tom: null")
        .replace("  character: codsworth\n", "")
        .replace("  speaker_prefix: true\n", "")
    )
    read = script(tmp_path, mapping)
    assert read.lines == ()
    assert told(read)[:2] == [
        "act.csv:2:B (Who): error: 'Tom' has no character yet: write one behind it in chirp-batch.yaml",
        "act.csv:3:B (Who): error: nobody is said to speak: set character in chirp-batch.yaml, for rows without one",
    ]


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ("scripts: [\n", ":2: not valid YAML"),
        ("scripts: 1\n", ":1: scripts: Input should be a valid list"),
        ("script: []\n", ":1: script: is no field here; allowed are scripts, ignore, characters"),
        ("scripts:\n- file: a\n  colums: {}\n", ":3: scripts.0.colums: is no field here; allowed are file, sheet,"),
        ("scripts:\n- file: a\n  columns: {txt: a}\n", "'txt' is no field of a job; allowed are job_id,"),
        ("scripts:\n- file: a\n  encoding: klingon\n", ":3: scripts.0.encoding: is no encoding that Python knows"),
        ("scripts:\n- file: a\n  encoding: zip\n", ":3: scripts.0.encoding: is no encoding that Python knows"),
        ("scripts:\n- file: a\n  speaker_prefix: maybe\n", ":3: scripts.0.speaker_prefix: Input should be a valid"),
        ("characters: {Tom: a, Tom: b}\n", ":1: appears twice"),
        ("characters: {No: ghoul}\n", "characters"),
    ],
)  # fmt: skip
def test_a_broken_mapping_is_refused_with_its_line_and_field(mapping: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "act.csv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "chirp-batch.yaml").write_text(mapping, encoding="utf-8")
    for command in ("lint", "import"):
        ended = CliRunner().invoke(app, ["batch", command, str(tmp_path / "act.csv")])
        assert type(ended.exception).__name__ == "UsageError"
        assert f"{tmp_path / 'chirp-batch.yaml'}" in str(ended.exception)
        assert message in str(ended.exception)
        assert "\n" not in str(ended.exception)


OWN = "job_id,character,text,language\nl1,pip_boy,Café — don’t go,en-US\nl2,pip_boy,你好,cmn-TW\n"
WESTERN = OWN.replace("你好,cmn-TW", "hi,en-US")
DETECTED = {
    "gb18030": OWN.encode("gb18030"),
    "big5": OWN.replace("é — don’", "e - don'").encode("big5"),
    "cp1252": WESTERN.encode("cp1252"),
    "utf-16-le": OWN.encode("utf-16-le"),
    "utf-16-be": OWN.encode("utf-16-be"),
    "cp1252 in one word": WESTERN.replace("Café — don’t", "Über").encode("cp1252"),
}


@pytest.mark.parametrize("name", DETECTED)
def test_an_encoding_is_detected_with_a_warning_and_taken_from_the_mapping_without_one(
    name: str, tmp_path: Path
) -> None:
    encoding = name.split(maxsplit=1)[0]
    (tmp_path / "act.csv").write_bytes(DETECTED[name])
    read = read_script(tmp_path / "act.csv", MAX_TEXT_BYTES)
    assert [each.job.text for each in read.lines] == [
        line.split(",")[2] for line in DETECTED[name].decode(encoding).split("\n")[1:3]
    ]
    (warning,) = told(read)
    assert f"read as {encoding}, by detection" in warning
    assert ": warning: " in warning

    columns = "columns: {job_id: job_id, character: character, text: text}"
    mapping = f"scripts:\n- file: act.csv\n  encoding: {encoding}\n  {columns}\n  labels: []\n"
    said = script(tmp_path, mapping, DETECTED[name])
    assert told(said) == []
    assert [each.job.text for each in said.lines] == [each.job.text for each in read.lines]


def test_a_wrong_encoding_in_the_mapping_is_an_error_with_its_place(tmp_path: Path) -> None:
    mapping = "scripts:\n- file: act.csv\n  encoding: ascii\n  columns: {text: text}\n"
    (found,) = told(script(tmp_path, mapping, OWN))
    assert found.startswith("act.csv:2:15: error: is not ASCII")


def test_a_table_in_a_jobs_own_columns_is_read_in_any_case_with_titles_and_a_sep_line(tmp_path: Path) -> None:
    written = (
        codecs.BOM_UTF8.decode()
        + "sep=;\r\nAct 1 - final v3;;;\r\nJob_ID;CHARACTER;Text;Emotion\r\nl1;pip_boy;Hi, you.;sad\r\n;;;\r\n"
    )
    (tmp_path / "act.csv").write_text(written, encoding="utf-8", newline="")
    read = read_script(tmp_path / "act.csv", MAX_TEXT_BYTES)
    (line,) = read.lines
    assert (line.id, line.job.text, line.job.labels, line.place.line) == ("l1", "Hi, you.", {"Emotion": "sad"}, 4)
    assert [each.message[:30] for each in read.findings] == [
        "the header; what is above it i",
        "kept as labels, since no field",
    ]


def test_import_asks_what_it_does_not_know_and_writes_what_it_does(tmp_path: Path) -> None:
    (tmp_path / "act.csv").write_text("Key,Blurb\nk1,Hello there.\n", encoding="utf-8")
    asked = CliRunner().invoke(app, ["batch", "import", str(tmp_path / "act.csv")])
    assert asked.exit_code == 2
    assert "open: act.csv: which column is the text? --column text=COLUMN; there are Key, Blurb" in asked.stdout
    assert "open: act.csv: who speaks? --column character=COLUMN" in asked.stdout
    told_all = ["--column", "text=blurb", "--character", "ghoul", "--language", "en"]
    answered = CliRunner().invoke(app, ["batch", "import", str(tmp_path / "act.csv"), *told_all])
    assert answered.exit_code == 0
    assert "Hello there." in answered.stdout
    written = yaml.safe_load((tmp_path / "chirp-batch.yaml").read_text(encoding="utf-8"))
    assert written == {
        "scripts": [
            {
                "file": "act.csv",
                "columns": {"job_id": "Key", "text": "blurb"},
                "language": "en",
                "character": "ghoul",
                "labels": [],
            }
        ]
    }


def test_import_writes_nothing_where_it_is_told_so_and_needs_nothing_for_a_jobs_own_columns(tmp_path: Path) -> None:
    (tmp_path / "act.csv").write_text(TABLE, encoding="utf-8")
    CliRunner().invoke(app, ["batch", "import", str(tmp_path / "act.csv"), "--no-write"])
    assert not (tmp_path / "chirp-batch.yaml").exists()
    (tmp_path / "act.csv").write_text(OWN, encoding="utf-8")
    ended = CliRunner().invoke(app, ["batch", "import", str(tmp_path / "act.csv")])
    assert "columns of a job: no mapping is needed" in ended.stdout
    assert not (tmp_path / "chirp-batch.yaml").exists()


CAST = ("--alias", "Tom=ghoul", "--alias", "Ann=raider")


def imported(folder: Path, *options: str) -> tuple[dict[str, Any], list[tuple[str, str, str, str]]]:
    """What an import says, and id, character, language and text of each line that is then read."""
    ended = CliRunner().invoke(app, ["batch", "import", str(folder), *options, "--json"])
    lines = read_script(folder, MAX_TEXT_BYTES).lines
    return json.loads(ended.stdout), [(each.id, each.job.character, each.job.language, each.job.text) for each in lines]


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("Zeilen-ID;Sprecher;Text;Regie\nA1;Tom;Ja, gut.;leise\n", ("Zeilen-ID", "Sprecher", "Text")),
        ("Identifiant;Personnage;Réplique\nA1;Tom;Oui.\n", ("Identifiant", "Personnage", "Réplique")),
        ("編號,角色,台詞\nA1,Tom,是。\n", ("編號", "角色", "台詞")),
        ("Dialogue ID|Char|VO Line\nA1|Tom|Yes, sir.\n", ("Dialogue ID", "Char", "VO Line")),
        ("Line #,Character,Script,Audio_Filename\n1,Tom,Yes.,a1.wav\n", ("Audio_Filename", "Character", "Script")),
        ("ID,Name,Original Text,Translation\nA1,Tom,Yes.,是。\n", ("ID", "Name", "Original Text")),
    ],
)
def test_columns_are_known_by_what_studios_call_them(table: str, columns: tuple[str, str, str], tmp_path: Path) -> None:
    (tmp_path / "act.csv").write_text(table, encoding="utf-8")
    document, lines = imported(tmp_path / "act.csv", *CAST)
    taken = document["mapping"]["scripts"][0]["columns"]
    assert (taken["job_id"], taken["character"], taken["text"]) == columns
    assert [(line[0].upper(), line[1]) for line in lines] == [("A1", "ghoul")]


@pytest.mark.parametrize(
    ("column", "tag"),
    [
        ("Dialogue (English)", "en"), ("Text_EN", "EN"), ("en.Text", "en"), ("Line zh-TW", "zh-TW"),
        ("zh_Hant", "zh_Hant"),
        ("Chinese (Traditional) (Taiwan)(zh-TW)", "zh-TW"), ("繁體", "zh-Hant"), ("English Text", "en"),
        ("Speaker (en)", None), ("English(en) Comments", None), ("line_id", None), ("Text (final)", None),
        ("tag", None),
    ],
)  # fmt: skip
def test_a_columns_name_says_its_language(column: str, tag: str | None) -> None:
    assert language_tag(column) == tag


def test_what_is_left_out_is_said_with_its_lines(tmp_path: Path) -> None:
    table = "Key,Who,en,zh-TW,Done\na,Tom,Hi.,嗨。,no\nb,Tom,Yo.,,no\nc,Tom,Old.,舊。,yes\nTOTAL,3,,,\n"
    (tmp_path / "act.csv").write_text(table, encoding="utf-8")
    document, lines = imported(tmp_path / "act.csv", *CAST, "--skip", "Done=yes")
    assert [line[0] for line in lines] == ["a.en", "a.zh-TW", "b.en"]
    assert [each["speaker"] for each in document["speakers"]] == ["Tom"]
    assert document["tables"][0]["left out by filters"] == 1
    said = [each["message"] for each in document["findings"] if each["rule"] == "job"]
    assert said == ["1 row has no text in zh-TW: line 3", "1 row has no text and is no line: line 5"]


def test_a_quote_that_is_never_closed_is_said_by_the_import(tmp_path: Path) -> None:
    (tmp_path / "act.csv").write_text('id,speaker,text\n1,Tom,"Hi.\n2,Tom,Yo.\n', encoding="utf-8")
    document, _ = imported(tmp_path / "act.csv")
    assert [each["message"] for each in document["findings"]] == ["a quote is opened here and never closed"]


def test_short_rows_are_filled_with_empty_cells_and_named(tmp_path: Path) -> None:
    (tmp_path / "act.csv").write_text("id,speaker,text,note\n1,Tom,Hi.\n2,Tom,Yo.,x,,\n3,Tom\n", encoding="utf-8")
    document, lines = imported(tmp_path / "act.csv", *CAST)
    assert [line[3] for line in lines] == ["Hi.", "Yo."]
    said = [each["message"] for each in document["findings"]]
    assert said == [
        "1 row has no text and is no line: line 4",
        "2 rows have fewer cells than columns, and the missing ones are taken for empty: lines 2, 4",
    ]


def test_two_rows_may_name_the_columns_and_cells_merged_downwards_are_filled(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (["ID", "Speaker", "Text", None], [None, None, "English", "Chinese (Traditional)"],
                ["a", "Tom", "Hi.", "嗨。"], ["b", None, "Yo.", None], ["c", "Ann", "No.", None]):  # fmt: skip
        sheet.append(row)
    sheet.merge_cells("C1:D1")
    sheet.merge_cells("B3:B4")
    sheet.row_dimensions[5].hidden = True
    book.create_sheet("Readme").append(["Ask Kim before you change anything."])
    book.save(tmp_path / "act.xlsx")
    document, lines = imported(tmp_path / "act.xlsx", *CAST)
    assert [(line[0], line[1], line[3]) for line in lines] == [
        ("a.en", "ghoul", "Hi."), ("a.zh-Hant", "ghoul", "嗨。"), ("b.en", "ghoul", "Yo."), ("c.en", "raider", "No."),
    ]  # fmt: skip
    assert document["mapping"]["ignore"] == ["act.xlsx[Readme]"]
    said = " ".join(each["message"] for each in document["findings"])
    assert "read as a second row of the header" in said
    assert "rows are hidden in the workbook, and read like the others: line 5" in said
    assert "left out, by ignore in chirp-batch.yaml" in said


def test_a_sheet_that_comes_later_is_not_left_out_in_silence(tmp_path: Path) -> None:
    (tmp_path / "act.xlsx").write_bytes(workbook(A=[["Key", "Line"], ["a", "One."]]))
    imported(tmp_path / "act.xlsx", "--character", "ghoul")
    more = {"A": [["Key", "Line"], ["a", "One."]], "B": [["Key", "Line"], ["b", "Two."]]}
    (tmp_path / "act.xlsx").write_bytes(workbook(**more))
    (warning,) = told(read_script(tmp_path, MAX_TEXT_BYTES))
    assert warning.startswith("act.xlsx[B]:1:1: warning: ")
    assert "the sheet is not read without" in warning


def test_the_names_of_sheets_and_folders_say_language_and_character_and_keep_ids_apart(tmp_path: Path) -> None:
    sheets = {"Pip_Boy": [["ID", "Line"], ["1", "Hi."]], "Ghoul": [["ID", "Line"], ["1", "Yo."], ["2", "No."]]}
    (tmp_path / "cast.xlsx").write_bytes(workbook(**sheets))
    for language, line in (("en", "One."), ("zh-TW", "一。")):
        (tmp_path / language).mkdir()
        (tmp_path / language / "act.csv").write_text(f"id,speaker,text\nA1,Tom,{line}\n", encoding="utf-8")
    document, lines = imported(tmp_path, *CAST)
    assert lines == [
        ("Pip_Boy-1", "pip_boy", "en-US", "Hi."),
        ("Ghoul-1", "ghoul", "en-US", "Yo."),
        ("Ghoul-2", "ghoul", "en-US", "No."),
        ("A1.en", "ghoul", "en", "One."),
        ("A1.zh-TW", "ghoul", "zh-TW", "一。"),
    ]
    assert [each["taken"].partition("; ids ")[2] for each in document["tables"]] == [
        "begin with Pip Boy-; character pip_boy",
        "begin with Ghoul-; character ghoul",
        "end in .en; language en",
        "end in .zh-TW; language zh-TW",
    ]


def test_who_is_named_in_a_row_above_speaks_on_where_that_is_said(tmp_path: Path) -> None:
    table = "id,speaker,text\n,Tom,\na,,Hi.\nb,,Yo.\n,Ann,\nc,,No.\n"
    (tmp_path / "act.csv").write_text(table, encoding="utf-8")
    asked, _ = imported(tmp_path / "act.csv", *CAST, "--no-write")
    assert "who speaks 3 rows that name nobody? --character KEY, or --carry-speaker" in str(asked["questions"])
    _, lines = imported(tmp_path / "act.csv", *CAST, "--carry-speaker")
    assert [line[:2] for line in lines] == [("a", "ghoul"), ("b", "ghoul"), ("c", "raider")]


def test_how_somebody_speaks_is_kept_from_the_prefix(tmp_path: Path) -> None:
    (tmp_path / "act.csv").write_text('id,text\n1,"TOM (angry): Go!"\n2,Tom: No.\n', encoding="utf-8")
    _, lines = imported(tmp_path / "act.csv", *CAST)
    assert [line[1] for line in lines] == ["ghoul", "ghoul"]
    assert read_script(tmp_path, MAX_TEXT_BYTES).lines[0].job.labels == {"direction": "angry"}


def test_a_question_about_the_language_says_what_the_texts_look_like(tmp_path: Path) -> None:
    (tmp_path / "act.csv").write_text("id,speaker,text\n1,Tom,你們聽著，這裡很危險。\n", encoding="utf-8")
    document, _ = imported(tmp_path / "act.csv", *CAST)
    assert "the texts look like Chinese in traditional characters (zh-TW)" in str(document["questions"])
    assert likely_language(["こんにちは。"]) == "Japanese (ja)"
    assert likely_language(["你们听着，这里很危险。"]) == "Chinese in simplified characters (zh-CN)"
    assert likely_language(["你好。"]) == "Chinese (zh-TW or zh-CN)"
    assert likely_language(["Hello."]) == ""


def test_files_that_are_no_script_are_named_and_hidden_ones_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "act.csv").write_text("id,speaker,text\n1,Tom,Hi.\n", encoding="utf-8")
    (tmp_path / "readme.txt").write_text("Please read me.\nThank you.\n", encoding="utf-8")
    (tmp_path / "notes.docx").write_bytes(b"x")
    for hidden in ("~$act.xlsx", ".git/x.csv", "__MACOSX/._act.csv"):
        (tmp_path / hidden).parent.mkdir(exist_ok=True)
        (tmp_path / hidden).write_bytes(b"x")
    document, lines = imported(tmp_path, *CAST)
    assert [line[3] for line in lines] == ["Hi."]
    assert document["mapping"]["ignore"] == ["readme.txt"]
    assert "not read, since no format that is read ends so: notes.docx" in document["questions"]
    (tmp_path / "chirp-batch.yaml").write_text(
        (tmp_path / "chirp-batch.yaml").read_text(encoding="utf-8").replace("- readme.txt", "- none.txt"), "utf-8"
    )
    assert "the file is not read without" in str(told(read_script(tmp_path, MAX_TEXT_BYTES)))


@pytest.mark.parametrize(("file", "hint"), [("a.xls", "save it as XLSX"), ("a.ink", "inklecate"), ("a.qq", "ends in")])
def test_a_file_of_another_kind_is_refused_with_what_to_do(file: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / file).write_bytes(b"x")
    ended = CliRunner().invoke(app, ["batch", "import", str(tmp_path / file)])
    assert hint in str(ended.exception)


def test_each_sheet_has_a_mapping_of_its_own_and_one_that_is_missing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "act.xlsx").write_bytes(workbook(A=[["Key", "Line"], ["a", "One."]], B=[["Id", "Text"], ["b", "Two."]]))
    CliRunner().invoke(app, ["batch", "import", str(tmp_path / "act.xlsx"), "--character", "ghoul"])
    read = read_script(tmp_path / "act.xlsx", MAX_TEXT_BYTES)
    assert [(each.id, each.job.text, str(each.at("text"))) for each in read.lines] == [
        ("a", "One.", "act.xlsx[A]:2:B (Line)"),
        ("b", "Two.", "act.xlsx[B]:2:B (Text)"),
    ]
    (tmp_path / "act.xlsx").write_bytes(workbook(A=[["Key", "Line"], ["a", "One."]]))
    assert told(read_script(tmp_path / "act.xlsx", MAX_TEXT_BYTES)) == [
        "act.xlsx:1:1: error: has no sheet 'B'; its sheets are 'A'"
    ]
    (tmp_path / "act.xlsx").write_bytes(workbook(A=[["Key", "Line"], ["a", "One."]], C=[["Key", "Line"], ["c", "No."]]))
    (tmp_path / "chirp-batch.yaml").unlink()
    only = ("--character", "ghoul", "--sheet", "A")
    CliRunner().invoke(app, ["batch", "import", str(tmp_path / "act.xlsx"), *only])
    assert [each.id for each in read_script(tmp_path / "act.xlsx", MAX_TEXT_BYTES).lines] == ["a"]


def test_one_column_may_be_read_by_two_mappings(tmp_path: Path) -> None:
    one = (
        "- {file: act.csv, columns: {job_id: Key, text: Line}, character: ghoul, labels: [], keep: {Status: [final]}}\n"
    )
    two = "- {file: act.csv, columns: {job_id: Key, text: Notes}, character: raider, labels: []}\n"
    read = script(tmp_path, f"scripts:\n{one}{two}")
    assert [(each.id, each.job.text) for each in read.lines] == [("k1", "Hello."), ("k1", "warm")]


def test_import_keeps_what_stands_in_the_mapping_for_other_files_and_names(tmp_path: Path) -> None:
    script(tmp_path, FULL)
    (tmp_path / "more.csv").write_text("Key,Who,Line\nm1,Bob,Ho.\n", encoding="utf-8")
    CliRunner().invoke(app, ["batch", "import", str(tmp_path / "more.csv"), "--alias", "Bob=raider"])
    written = yaml.safe_load((tmp_path / "chirp-batch.yaml").read_text(encoding="utf-8"))
    assert {each["file"] for each in written["scripts"]} == {"act.csv", "more.csv"}
    assert written["characters"] == {"Bob": "raider", "tom": "ghoul", "Ann": "raider"}
    assert [each.id for each in read_script(tmp_path, MAX_TEXT_BYTES).lines] == ["k1", "k2", "m1"]


@pytest.mark.parametrize(
    ("option", "value"), [("--column", "text"), ("--column", "txt=Line"), ("--alias", "=x"), ("--skip", "a")]
)
def test_an_option_that_says_nothing_is_refused(option: str, value: str, tmp_path: Path) -> None:
    (tmp_path / "act.csv").write_text(TABLE, encoding="utf-8")
    ended = CliRunner().invoke(app, ["batch", "import", str(tmp_path / "act.csv"), option, value])
    assert type(ended.exception).__name__ == "UsageError"


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("line-1", "line-1"),
        ("line:a/b", "line:a_b"),
        ("A b", "A_b"),
        ("Act1\\Sc2", "Act1_Sc2"),
        ("Guard_MoveAlong.wav", "Guard_MoveAlong"),
        ("/Game/A", "Game_A"),
        ("对话1", "1-84054ae3"),
        ("!?", "line-8faf838e"),
    ],
)
def test_an_id_is_made_of_any_name(name: str, made: str) -> None:
    assert line_id(name) == made


@given(st.text(min_size=1, max_size=300))
def test_every_name_gives_an_id_that_is_allowed_and_stays_the_same(name: str) -> None:
    made = line_id(name)
    assert ID.fullmatch(made)
    assert len(made) <= LONGEST_ID
    assert line_id(made) == made


def test_a_line_without_a_name_is_called_by_its_file_sheet_and_number() -> None:
    assert placed_id("act-1/subs.srt", 7) == "act-1_subs-0007"
    assert placed_id("act.xlsx[Act 1]", 12) == "act-Act_1-0012"


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("Tom: Who is there?", ("Tom", "Tom", "", "Who is there?")),
        ("湯姆：是誰？", ("湯姆", "湯姆", "", "是誰？")),
        ("OLD TOM : Hm.", ("OLD TOM", "OLD TOM", "", "Hm.")),
        ("TOM (angry): Go!", ("TOM (angry)", "TOM", "angry", "Go!")),
        ("湯姆（低聲）：走。", ("湯姆（低聲）", "湯姆", "低聲", "走。")),
        ("Guard (2): Go!", ("Guard (2)", "Guard (2)", "", "Go!")),
        ("(if: $a is 1)[Hm.]", None),
        ("https://example.org is down", None),
        ("Nobody speaks.", None),
        ("Tom:", None),
        ("[b]Tom[/b]: Hi", None),
    ],
)
def test_who_speaks_is_split_from_the_text(text: str, split: tuple[str, ...] | None) -> None:
    assert split_speaker(text) == split


def test_unreals_macros_give_their_text() -> None:
    assert plain_text('NSLOCTEXT("a", "b", "Say \\"it\\".\\nNow.")') == 'Say "it".\nNow.'
    assert plain_text('INVTEXT("Go!")') == "Go!"
    assert plain_text("NSLOCTEXT is a macro.") == "NSLOCTEXT is a macro."
    with pytest.raises(ValueError, match="stands in the string table ST_A"):
        plain_text('LOCTABLE("ST_A", "k")')
