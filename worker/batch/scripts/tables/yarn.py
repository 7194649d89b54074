"""Reads Yarn Spinner's scripts (.yarn, versions 2 and 3): the lines and options of each node. Pure."""

import re
from collections.abc import Iterator
from typing import Final

from worker.batch.scripts.model import Finding, Place, Severity
from worker.batch.scripts.tables.model import IsKnown, Row, Table
from worker.batch.scripts.tables.units import unit_row, unit_table

_HEADER: Final = re.compile(r"\s*([A-Za-z_][\w.]*)\s*:\s*(.*?)\s*")
_COMMAND: Final = re.compile(r"<<.*?>>")
_HASHTAG: Final = re.compile(r"(?<!\\)#(\S+)")
_COMMENT: Final = re.compile(r"(?<![:\\])//.*")
# The manual's rule: a name before a colon. A colon of the text itself is written `\:`.
_SPEAKER: Final = re.compile(r"([^:\\\[\]{}]{1,60}?)\s*:\s+(.*)")
_OPTION: Final = re.compile(r"\[\[[^\[\]]*\]\]")
_ESCAPED: Final = re.compile(r"\\([\[\]{}:#\\/<>])")


def read_yarn(text: str, file: str, _is_known: IsKnown) -> Table:
    """The lines and the options (kind `option`); commands and comments are no lines.

    The id is the tag `#line:…`. The character is the name before the colon, as Yarn Spinner has it.
    """
    rows = list(_rows(text, file))
    columns = ("id", "character", "text", "node", "kind", "tags")
    roles = {"text": "text", "character": "character", "scene": "node"}
    if any("id" in row.fields for row in rows if isinstance(row, Row)):
        roles["job_id"] = "id"
    return unit_table(file, "Yarn Spinner script", columns, rows, roles=roles, skipped={"kind": ("option",)})


def _rows(text: str, file: str) -> Iterator[Row | Finding]:
    node, inside = "", False
    for number, written in enumerate(text.splitlines(), start=1):
        line = written.strip()
        if not inside:
            header = _HEADER.fullmatch(line)
            if header and header[1] == "title":
                node = header[2]
            inside = line == "---"
            if inside and not node:
                message = "a node has no title: each begins with `title: NAME`, and its lines stand between --- and ==="
                yield Finding(Severity.ERROR, Place(file, number, "1"), message)
        elif line == "===":
            node, inside = "", False
        elif (row := _line(line, node, file, number)) is not None:
            yield row


def _line(line: str, node: str, file: str, number: int) -> Row | None:
    tags = _HASHTAG.findall(line)
    spoken = _COMMAND.sub("", _HASHTAG.sub("", _COMMENT.sub("", line))).strip()
    # A line group's item (`=>`) is spoken as a line is.
    # Version 1 has its options in brackets.
    kind = "option" if spoken.startswith("->") or _OPTION.fullmatch(spoken) else "line"
    spoken = spoken.removeprefix("->").removeprefix("=>").strip()
    if not spoken:
        return None
    named = _SPEAKER.fullmatch(spoken)
    said = _ESCAPED.sub(r"\1", named[2] if named else spoken)
    line_id = next((tag for tag in tags if tag.startswith("line:")), None)
    others = " ".join(f"#{tag}" for tag in tags if tag != line_id)
    fields = {"id": line_id, "character": named[1] if named else None, "text": said, "node": node, "kind": kind}
    return unit_row(file, number, line_id or node, {**fields, "tags": others})
