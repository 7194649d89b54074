"""What each reader makes of the corners of its format."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.batch.scripts.tables.samples import workbook
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


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_sep_line_names_any_delimiter(delimiter: str) -> None:
    content = f'"sep={delimiter}"\r\n' + "\r\n".join(delimiter.join(row) for row in (["id", "text"], ["a", '"x,;|y"']))
    table = read("a.csv", content)
    (row,) = table.rows
    assert not isinstance(row, Finding)
    assert (row.fields, row.place.line) == ({"id": "a", "text": "x,;|y"}, 3)
