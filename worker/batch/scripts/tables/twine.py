"""Reads a Twine story in JSON, as Twison and Extwee write it. Pure."""

import re
from collections.abc import Iterator
from typing import Any, Final

from worker.batch.scripts.tables.model import Row, Table
from worker.batch.scripts.tables.units import unit_row, unit_table

_COLUMNS: Final = ("id", "text", "passage", "tags")
# [[text->target]], [[target<-text]], [[text|target]], [[target]]: in a sentence a part of it; behind it, or alone in a
# line, what the player clicks.
_LINK: Final = re.compile(r"\[\[(?P<inside>[^\]]*)\]\](?:\[[^\]]*\])?")
_CHOICES: Final = re.compile(r"(?:(?<=[.!?…\"”」。！？])|\A)(?:\s*\[\[[^\]]*\]\])+\s*\Z")
_LABEL: Final = re.compile(r"(?P<before>.*?)(?:->|\|).*|.*<-(?P<after>.*)", re.DOTALL)
# What a macro encloses is shown: `(if: $a)[Hello.]`, `<<if $a>>Hello.<</if>>`.
_MACRO: Final = re.compile(r"<</?[^<>]*>>|\([a-z-]+:[^()]*(?:\([^()]*\)[^()]*)*\)\s*(?=\[)", re.IGNORECASE)
_HOOK: Final = re.compile(r"(?<!\[)\[(?!\[)(?P<text>[^\[\]]*)\](?!\])|^\[=+|\|\w+>\[")
# Harlowe's and SugarCube's emphasis.
_EMPHASIS: Final = re.compile(r"(?P<sign>''|(?<!:)//)(?P<text>(?:(?!(?P=sign)).)+)(?P=sign)")
_DEFAULT: Final = "Double-click this passage to edit it."
# SugarCube's and Harlowe's macros, where one is a line of its own.
_MACRO_LINE: Final = re.compile(r"\s*(?:(?:<<(?:(?!>>).)*>>\s*)+|\((?:[a-z-]+):.*\)\[?|\{|\}|\])\s*", re.IGNORECASE)
_NO_STORY: Final = {"script", "stylesheet", "twine.script", "twine.stylesheet"}


def is_twine(document: Any) -> bool:
    """Whether a JSON document is a Twine story."""
    return isinstance(document, dict) and isinstance(document.get("passages"), list)


def read_twine(document: dict[str, Any], file: str) -> Table:
    """The paragraphs of each passage, without links and without lines that are macros.

    The id is the passage's name and the paragraph's number there.
    """
    rows = [row for each in document["passages"] if isinstance(each, dict) for row in _rows(each, file)]
    placed = [
        Row(type(row.place)(file, number, row.place.column), row.fields) for number, row in enumerate(rows, start=1)
    ]
    roles = {"job_id": "id", "text": "text", "scene": "passage"}
    return unit_table(file, "Twine JSON", _COLUMNS, placed, roles=roles)


def _rows(passage: dict[str, Any], file: str) -> Iterator[Row]:
    name = str(passage.get("name", ""))
    tags = [str(tag) for tag in passage.get("tags") or [] if isinstance(tag, str)]
    if _NO_STORY & {tag.lower() for tag in tags} or not isinstance(passage.get("text"), str):
        return
    number = 0
    for line in passage["text"].splitlines():
        text = _spoken(line)
        if text != _DEFAULT and any(character.isalnum() for character in text):
            number += 1
            fields = {"id": f"{name}-{number}", "text": text, "passage": name, "tags": ", ".join(tags)}
            yield unit_row(file, number, f"{name}-{number}", fields)


def _spoken(line: str) -> str:
    """A paragraph without macros and signs; of links in a sentence their words."""
    if _MACRO_LINE.fullmatch(line) or not _LINK.sub("", line).strip(" \t-*>.,|/"):
        return ""
    text = _LINK.sub(
        lambda found: _label(found["inside"]), _HOOK.sub(r"\g<text>", _MACRO.sub("", _CHOICES.sub("", line)))
    )
    return " ".join(_EMPHASIS.sub(r"\g<text>", text).split())


def _label(link: str) -> str:
    found = _LABEL.fullmatch(link)
    return (found["before"] or found["after"] or "").strip() if found else link.strip()
