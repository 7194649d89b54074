"""What each reader makes of the corners of its format."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.batch.scripts.tables.samples import changed_sheet, workbook
from worker.batch.scripts.mapping.own_columns import is_own_column
from worker.batch.scripts.model import Finding
from worker.batch.scripts.tables.model import Table
from worker.batch.scripts.tables.reader import read_tables


def read(file: str, content: str | bytes) -> Table:
    (table,) = read_tables(
        content if isinstance(content, bytes) else content.encode(),
        file,
        f".{file.rpartition('.')[2]}",
        is_own_column,
        None,
    )
    return table


def texts(file: str, content: Any, column: str = "text") -> list[str]:
    table = read(file, content if isinstance(content, str | bytes) else json.dumps(content))
    assert table.findings == ()
    return [f"{row.message!r}" if isinstance(row, Finding) else row.fields.get(column, "") for row in table.rows]


def test_a_placeholder_of_xliff_is_its_equivalent_or_its_id() -> None:
    unit = (
        '<trans-unit id="a"><source>Hi <x id="n" equiv-text="{{0}}"/>, <ph id="p">%d</ph> of '
        '<bpt id="1">&lt;b&gt;</bpt>many<ept id="1">&lt;/b&gt;</ept> <x id="q"/>.</source></trans-unit>'
    )
    body = f'<xliff version="1.2"><file source-language="en"><body>{unit}</body></file></xliff>'
    assert texts("a.xlf", body, "source") == ["Hi {{0}}, %d of many {q}."]
    segment = (
        '<segment><source>Hi <ph id="1" disp="{name}" dataRef="d"/> and <ph id="2" dataRef="d"/>.</source></segment>'
    )
    body = f'<xliff version="2.0" srcLang="en"><file id="f"><unit id="u">{segment}</unit></file></xliff>'
    table = read("a.xliff", body)
    assert (table.roles["text"], table.language, table.form) == ("source", "en", "XLIFF 2.0")
    assert texts("a.xliff", body, "source") == ["Hi {name} and {2}."]


def test_a_po_template_is_spoken_in_its_own_language_and_its_header_says_the_encoding() -> None:
    template = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=CHARSET\\n"\n\nmsgid "Stop."\nmsgstr ""\n'
    table = read("a.pot", template)
    assert (table.roles, table.language) == ({"text": "msgid"}, None)
    assert texts("a.pot", template, "msgid") == ["Stop."]
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=big5\\nLanguage: zh_TW\\n"\n\n'
    chinese = f'{header}msgid "Stop."\nmsgstr "站住。"\n'.encode("big5")
    assert texts("a.po", chinese, "msgstr") == ["站住。"]
    assert read("a.po", chinese).language == "zh_TW"


HEAD = 'msgid ""\nmsgstr "Language: zh_TW\\n"\n\n'


def message(context: str, source: str, said: str, comment: str = "") -> str:
    named = f'msgctxt "{context}"\n' if context else ""
    return f'{comment}{named}msgid "{source}"\nmsgstr "{said}"\n\n'


def test_the_contexts_of_a_po_file_are_ids_or_speakers_and_without_any_keys_may_be_messages() -> None:
    own = message("a", "One.", "一。") + message("b", "Two.", "二。")
    assert read("a.po", HEAD + own).roles["job_id"] == "msgctxt"
    shared = message("Tom", "One.", "一。") + message("Tom", "Two.", "二。") + message("Ann", "No.", "不。")
    assert read("a.po", HEAD + shared).roles == {"text": "msgstr", "character": "msgctxt"}
    keys = message("", "GREET_1", "一。") + message("", "npc.bye", "二。")
    assert read("a.po", HEAD + keys).roles == {"text": "msgstr", "job_id": "msgid"}
    assert "job_id" not in read("a.po", HEAD + keys + message("", "Hello, you.", "嗨。")).roles


def test_what_unreal_says_of_a_message_are_columns() -> None:
    comment = '#. Key:\tA1\n#. InfoMetaData:\t"Speaker" : "Tom"\n#. InfoMetaData:\t"Voice Actor Direction" : "tired"\n'
    table = read("Game.po", HEAD + message("Dlg,A1", "Hi.", "嗨。", comment))
    (row,) = table.rows
    assert not isinstance(row, Finding)
    assert table.roles == {"text": "msgstr", "job_id": "msgctxt", "character": "Speaker"}
    assert (row.fields["Speaker"], row.fields["Voice Actor Direction"]) == ("Tom", "tired")


def test_notes_of_xliff_say_who_speaks_and_how() -> None:
    body = (
        '<xliff version="2.0" srcLang="en"><file id="f"><unit id="u"><notes><note category="speaker">Tom</note>'
        '<note category="direction">angry</note><note>long</note></notes>'
        "<segment><source>Hi.</source></segment></unit></file></xliff>"
    )
    table = read("a.xlf", body)
    (row,) = table.rows
    assert not isinstance(row, Finding)
    assert table.roles["character"] == "speaker"
    assert (row.fields["speaker"], row.fields["direction"], row.fields["note"]) == ("Tom", "angry", "long")


def test_a_twine_paragraph_loses_macros_and_signs_and_keeps_the_words_of_its_links() -> None:
    passage = (
        "You look [[around->Room]], [[Tom<-him]] sees [[it]].\n[[Leave]]\n(if: $a is 1)[Tom: Secret.]\n"
        "<<if $a>>Tom: Yes.<</if>>\n''Never'' go //there//, see http://a.b//c.\n"
    )
    room = {"name": "Room", "text": "Double-click this passage to edit it."}
    assert texts("a.json", {"passages": [{"name": "Start", "text": passage}, room]}) == [
        "You look around, him sees it.",
        "Tom: Secret.",
        "Tom: Yes.",
        "Never go there, see http://a.b//c.",
    ]


def test_each_voice_of_a_cue_is_a_row_and_files_of_one_name_have_lines_of_their_own() -> None:
    cue = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v.loud Tom>Who?</v>\n<v Ann>Me &amp; you.\n"
    rows = [row.fields for row in read("act1/a.vtt", cue).rows if not isinstance(row, Finding)]
    assert [(row["id"], row["character"], row["text"]) for row in rows] == [
        ("act1/a-0001-1", "Tom", "Who?"),
        ("act1/a-0001-2", "Ann", "Me & you."),
    ]


def test_lists_of_objects_inside_of_json_are_columns_and_none_is_lost() -> None:
    record = {"Name": "R1", "Lines": [{"Text": "One."}, {"Text": "Two."}], "Speaker": {"RowName": "Tom"}}
    table = read("a.json", json.dumps([record]))
    assert table.columns == ("Name", "Lines.0.Text", "Lines.1.Text", "Speaker.RowName")


def test_articys_models_may_stand_in_a_file_of_their_own_and_a_dialogue_is_a_scene() -> None:
    models = [
        {"Type": "Dialogue", "Properties": {"Id": "0x9", "DisplayName": "Gate"}},
        {"Type": "DialogueFragment", "Properties": {"Id": "0x1", "Parent": "0x9", "Speaker": "0x2", "Text": "Hi."}},
    ]
    assert texts("a.json", {"Objects": models}, "dialogue") == ["Gate"]


def test_options_of_the_first_yarn_are_options() -> None:
    table = read("a.yarn", "title: A\n---\nTom: Hi\n[[Go|End]]\n[[End]]\n===\n")
    assert [row.fields["kind"] for row in table.rows if not isinstance(row, Finding)] == ["line", "option", "option"]


def test_a_path_as_a_po_file_is_no_file_to_be_opened() -> None:
    assert "is no PO file" in read("a.po", "/etc/passwd").findings[0].message


def test_a_yarn_script_keeps_markup_and_leaves_out_what_is_no_line() -> None:
    node = (
        "title: A\r\n---\r\n<<jump B>>\r\n\r\nTom: [b]Hi[/b] {$you}! #line:1 #sad // note\r\nSee http://a.b/c now.\r\n"
        "=> Once upon a time\r\n-> Tom: Why? #line:2\r\n<<if $a>>\r\n<<endif>>\r\n===\r\n"
    )
    table = read("a.yarn", node)
    rows = [row.fields for row in table.rows if not isinstance(row, Finding)]
    assert [(row.get("character"), row["text"], row["kind"]) for row in rows] == [
        ("Tom", "[b]Hi[/b] {$you}!", "line"),
        (None, "See http://a.b/c now.", "line"),
        (None, "Once upon a time", "line"),
        ("Tom", "Why?", "option"),
    ]
    assert (rows[0]["id"], rows[0]["tags"], rows[0]["node"]) == ("line:1", "#sad", "A")


def test_ink_gives_lines_of_knots_choices_tags_and_what_is_computed() -> None:
    story = {
        "inkVersion": 21,
        "root": [
            ["#", "^id: first", "/#", "\n", "^Who", "^ goes", "<>", "^ there?", "\n",
             ["ev", {"^->": "0.4.$r1"}, {"temp=": "$r"}, "str", {"->": ".^.s"}, [{"#n": "$r1"}], "/str", "/ev",
              {"*": "0.c-0", "flg": 18}, {"s": ["^A friend", {"->": "$r", "var": True}, None]}],
             {"c-0": ["\n", {"->": "0.g-0"}, {"#f": 5}], "g-0": [{"->": "gate"}, None]}],
            "done",
            {"gate": ["^You have ", "ev", {"VAR?": "gold"}, "out", "/ev", "^ coins. ", {"#": "voice: g2"}, "\n", "end",
                      None],
             "global decl": ["ev", 3, {"VAR=": "gold"}, "/ev", "end", None], "#f": 1},
        ],
        "listDefs": {},
    }  # fmt: skip
    table = read("a.json", "\ufeff" + json.dumps(story))
    rows = [row.fields for row in table.rows if not isinstance(row, Finding)]
    assert [(row.get("id"), row["text"], row["kind"], row.get("knot")) for row in rows] == [
        ("first", "Who goes there?", "line", None),
        (None, "A friend", "choice", None),
        ("g2", "You have {…} coins.", "line", "gate"),
    ]


def test_json_of_texts_by_id_and_of_records_by_name_is_read() -> None:
    assert texts("a.json", {"k1": "One.", "k2": "Two."}) == ["One.", "Two."]
    assert texts("a.json", {"k1": {"line": {"en": "One.", "len": 4}}}, "line.en") == ["One."]
    assert texts("a.json", [{"a": "x", "tags": ["p", "q"]}], "tags") == ["p, q"]
    assert texts("a.jsonl", '{"a": "x"}\n\n{"a": true}\n', "a") == ["x", "true"]


def test_cues_lose_their_tags_and_wraps_and_keep_their_words() -> None:
    cue = '1\r\n00:00:01,000 --> 00:00:02,000\r\n{\\an8}<font color="red">A - B\r\nis 3 < 4</font>\r\n\r\n'
    assert texts("a.srt", cue) == ["A - B is 3 < 4"]
    assert texts("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n<c.loud>Hi</c> <00:01.500>you\n") == ["Hi you"]


def test_the_values_of_a_workbook_are_what_it_shows() -> None:
    table = read(
        "a.xlsx", workbook(A=[["job_id", "character", "text", "n"], [7, True, "Hi.", 1.5], [2.0, None, None, None]])
    )
    rows = [row.fields for row in table.rows if not isinstance(row, Finding)]
    assert rows == [{"job_id": "7", "character": "true", "text": "Hi.", "n": "1.5"}, {"job_id": "2"}]


# Excel takes 1900 for a leap year.
_DAYS = st.dates(date(1900, 3, 1), date(9999, 12, 30))
# XML has no other control characters, and its parsers make one line end of all.
_CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff") | st.just("\n")
_CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    _DAYS,
    st.builds(datetime.combine, _DAYS, st.times().map(lambda time: time.replace(microsecond=0))),
    st.text(_CHARACTERS, max_size=20).filter(lambda text: not text.startswith(("=", "#"))),
    st.sampled_from(["_x000D_", "_x005F_x000D_", " lead and trail ", "#N/A?", "<b>&amp;</b>", "1", "TRUE", "é\u0301"]),
)  # fmt: skip


@given(st.lists(st.lists(_CELLS, max_size=4), min_size=1, max_size=5))
def test_a_workbook_of_values_alone_and_one_with_a_formula_elsewhere_are_read_alike(cells: list[list[Any]]) -> None:
    """The first is read by calamine, the second by openpyxl."""
    sheet = [["id", "text", "note", "n"], *cells]
    plain, other = (
        [
            (table.columns, [row if isinstance(row, Finding) else (row.place.line, row.fields) for row in table.rows])
            for table in read_tables(workbook(A=sheet, **more), "a.xlsx", ".xlsx", is_own_column, None)
        ]
        for more in ({}, {"B": [["=1+1"]]})
    )
    assert plain == other[:1]


def test_a_workbook_s_cells_say_what_excel_s_escapes_and_dates_mean() -> None:
    day = date(2026, 1, 2)
    for more in ({}, {"B": [["=1+1"]]}):
        sheet = [["id", "text", "day"], ["a", "Go._x000D_\nNow.", day], ["b", "_x005F_x000D_ stays", None]]
        table = next(iter(read_tables(workbook(A=sheet, **more), "a.xlsx", ".xlsx", is_own_column, None)))
        rows = [dict(row.fields) for row in table.rows if not isinstance(row, Finding)]
        assert rows == [
            {"id": "a", "text": "Go.\r\nNow.", "day": "2026-01-02"},
            {"id": "b", "text": "_x000D_ stays"},
        ]


def test_a_workbook_s_long_numbers_keep_their_digits() -> None:
    """A game's own tools may write ids of 64 bits as numbers; a float has no place for the last digits."""
    ids = [str(each) for each in (2**63 - 1, 2**63 - 2, 2**53 + 1, -(2**53) - 1)]
    sheet = [["id", "text"], *([number, "Go."] for number in range(len(ids)))]
    changes = {f"<v>{number}</v>": f"<v>{each}</v>" for number, each in enumerate(ids)}
    content = changed_sheet(workbook(A=sheet), changes)
    table = next(iter(read_tables(content, "a.xlsx", ".xlsx", is_own_column, None)))
    assert [row.fields["id"] for row in table.rows if not isinstance(row, Finding)] == ids


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_sep_line_names_any_delimiter(delimiter: str) -> None:
    content = f'"sep={delimiter}"\r\n' + "\r\n".join(delimiter.join(row) for row in (["id", "text"], ["a", '"x,;|y"']))
    table = read("a.csv", content)
    (row,) = table.rows
    assert not isinstance(row, Finding)
    assert (row.fields, row.place.line) == ({"id": "a", "text": "x,;|y"}, 3)
