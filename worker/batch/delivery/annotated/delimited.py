"""Adds the audio's columns to CSV and the like; all else of the text stays as it is. Pure."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from worker.batch.delivery.annotated.model import GridEdit
from worker.batch.scripts.tables.csv import split_delimiter
from worker.batch.scripts.tables.model import IsKnown


def edit_delimited(text: str, is_known: IsKnown, edit: GridEdit) -> str:
    """The text with the columns.

    Args:
        is_known: whether a cell names a column, as it was read.
    """
    delimiter, content = split_delimiter(text, is_known)
    lines = io.StringIO(content, newline="").readlines()
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    written, start = [text[: len(text) - len(content)]], 0
    columns: dict[str, int] | None = None
    for cells in reader:
        row = "".join(lines[start : reader.line_num])
        line, start = start + 1, reader.line_num
        if line >= edit.header and any(cell.strip() for cell in cells):
            columns = columns or edit.placed(len(cells))
            body = row.rstrip("\r\n")
            row = f"{_edited(body, cells, _Row(columns, edit, line, delimiter))}{row[len(body) :]}"
        written.append(row)
    return "".join(written)


@dataclass(frozen=True)
class _Row:
    columns: Mapping[str, int]
    edit: GridEdit
    line: int
    delimiter: str


def _edited(body: str, cells: Sequence[str], row: _Row) -> str:
    values, edit = row.edit.cells(row.line), row.edit
    own = {row.columns[name]: value for name, value in values.items() if edit.columns[name] is not None}
    if any(index < len(cells) and cells[index] != value for index, value in own.items()):
        body = _joined([own.get(index, cell) for index, cell in enumerate(cells)], row.delimiter)
    new = (values.get(name, "") for name in row.columns if edit.columns[name] is None)
    return body + "".join(f"{row.delimiter}{_joined([value], row.delimiter)}" for value in new)


def _joined(cells: Sequence[str], delimiter: str) -> str:
    if list(cells) == [""]:
        # A writer quotes the only cell of a row.
        return ""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="").writerow(cells)
    return text.getvalue()
