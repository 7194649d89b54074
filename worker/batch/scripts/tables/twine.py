"""Reads a Twine story in JSON, as Twison and Extwee write it. Pure."""

import re
from collections.abc import Iterator
from typing import Any, Final

from worker.batch.scripts.tables.model import Row, Table
from worker.batch.scripts.tables.units import unit_row, unit_table

_COLUMNS: Final = ("id", "text", "passage", "tags")
# [[text->target]], [[target<-text]], [[text|target]], [[target]]: what the player clicks, not what is spoken.
_LINK: Final = re.compile(r"\[\[[^\]]*\]\]")
# SugarCube's and Harlowe's macros, where one is a line of its own.
_MACRO_LINE: Final = re.compile(r"\s*(?:<<.*>>|\((?:[a-z-]+):.*\)\[?|\{|\}|\])\s*", re.IGNORECASE)
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
        text = "" if _MACRO_LINE.fullmatch(line) else _LINK.sub("", line).strip()
        if any(character.isalnum() for character in text):
            number += 1
            fields = {"id": f"{name}-{number}", "text": text, "passage": name, "tags": ", ".join(tags)}
            yield unit_row(file, number, f"{name}-{number}", fields)
