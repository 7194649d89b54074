"""Reads a script from CSV as spreadsheets write it. Pure."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from worker.batch.scripts.model import Finding, Line, Place, Severity
from worker.batch.scripts.rows import COLUMNS, REQUIRED, cell_value, is_column, nested, read_line

_DELIMITERS: Final = ",;\t"


@dataclass(frozen=True)
class _Header:
    """The columns of a file, from its first row."""

    names: list[str]
    columns: dict[str, str]
    max_text_bytes: int


def read_csv(text: str, file: str, max_text_bytes: int) -> Iterator[Line | Finding]:
    """The lines of a CSV file, and the errors in it.

    The first row names the columns. The delimiter is the comma, semicolon or tab that gives the most known columns.

    Args:
        text: the file's content.
        file: its name in findings.
        max_text_bytes: the longest `text` of a line, in bytes of UTF-8.
    """
    # A row with no text in any cell is no row.
    rows = (row for row in _rows(text, file, _delimiter(text)) if isinstance(row, Finding) or _has_content(row[1]))
    first = next(rows, None)
    if first is None or isinstance(first, Finding):
        yield first or Finding(Severity.ERROR, Place(file, 1, "1"), "is empty; the first row names the columns")
        return
    number, cells = first
    names = [cell.strip() for cell in cells]
    if problems := list(_header_problems(names, Place(file, number))):
        yield from problems
        return
    columns = {name: f"{_letters(index)} ({name})" for index, name in enumerate(names) if name}
    header = _Header(names, columns, max_text_bytes)
    has_lines = False
    for row in rows:
        has_lines = True
        if isinstance(row, Finding):
            yield row
        else:
            yield from _line(row[1], header, Place(file, row[0]))
    if not has_lines:
        yield Finding(Severity.ERROR, Place(file, number + 1, "1"), "names its columns and has no line")


def _has_content(cells: list[str]) -> bool:
    return any(cell.strip() for cell in cells)


def _line(cells: list[str], header: _Header, place: Place) -> Iterator[Line | Finding]:
    names = header.names
    if len(cells) != len(names):
        column = _letters(min(len(cells), len(names)))
        hint = "; is there a text with a comma and no quotes?" if len(cells) > len(names) else ""
        message = f"the row has {len(cells)} cells for {len(names)} columns{hint}"
        yield Finding(Severity.ERROR, Place(place.file, place.line, column), message)
        return
    fields: dict[str, Any] = {}
    problems = []
    for index, (name, cell) in enumerate(zip(names, cells, strict=True)):
        if not cell.strip():
            continue
        if not name:
            at = Place(place.file, place.line, _letters(index))
            problems.append(Finding(Severity.ERROR, at, "the column has no name"))
            continue
        try:
            fields[name] = cell_value(name, cell)
        except ValueError as error:
            at = Place(place.file, place.line, header.columns[name])
            problems.append(Finding(Severity.ERROR, at, str(error), fields.get("job_id")))
    found = list(read_line(nested(fields), place, header.columns, header.max_text_bytes))
    yield from problems
    yield from (each for each in found if isinstance(each, Finding) or not problems)


def _header_problems(header: list[str], place: Place) -> Iterator[Finding]:
    def wrong(index: int, message: str) -> Finding:
        return Finding(Severity.ERROR, Place(place.file, place.line, _letters(index)), message)

    for index, name in enumerate(header):
        if name and not is_column(name):
            yield wrong(index, f"{name[:60]!a} is no column; the columns are {', '.join(COLUMNS)} and labels.NAME")
        elif name and name in header[:index]:
            yield wrong(index, f"the column {name} occurs twice")
    for name in REQUIRED:
        if name not in header:
            yield wrong(len(header), f"the column {name} is missing")
    if "text" not in header and "ssml" not in header:
        yield wrong(len(header), "the column text is missing (or ssml)")


def _rows(text: str, file: str, delimiter: str) -> Iterator[tuple[int, list[str]] | Finding]:
    """The rows, each with the line in which it begins; a finding for what is no row."""
    lines = io.StringIO(text, newline="").readlines()
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        start = reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            line, column = _error_position(lines, start, delimiter)
            yield Finding(Severity.ERROR, Place(file, line, str(column)), _describe(str(error)))
        else:
            yield start + 1, cells


def _describe(error: str) -> str:
    if "unexpected end" in error:
        return "a quote is opened here and never closed"
    if "field limit" in error:
        return f"a cell begins here that is longer than {csv.field_size_limit():,} characters; is a quote left open?"
    return "a quoted cell ends here, and more text follows; a quote inside of a quoted cell is written twice"


def _error_position(lines: list[str], start: int, delimiter: str) -> tuple[int, int]:
    """Line and column, from 1, of the error in a broken row: the csv module doesn't report them."""
    text = "".join(lines[start:])
    plain = rf"[^{delimiter}\r\n]"
    # Possessive (`*+`): a quoted cell must not end at the first half of a doubled quote.
    cell = re.compile(rf'(?:"(?:[^"]|"")*+(?P<closing>")|(?!"){plain}+)?(?P<end>[{delimiter}\r\n]|$)?')
    at = 0
    while at < len(text):
        found = cell.match(text, at)
        too_long = found is not None and found.end() - at > csv.field_size_limit()
        if found is None or found["end"] is None or too_long:
            at = found.end() if found and found["closing"] and not too_long else at
            break
        if found["end"] in {"\r", "\n", ""} or found.end() == at:
            break
        at = found.end()
    before = text[:at].replace("\r\n", "\n").replace("\r", "\n")
    return start + before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _delimiter(text: str) -> str:
    first_line = next((line for line in io.StringIO(text) if line.strip()), "")

    def known_columns(delimiter: str) -> int:
        return sum(is_column(cell.strip().strip('"').strip()) for cell in first_line.split(delimiter))

    return max(_DELIMITERS, key=known_columns)


def _letters(index: int) -> str:
    """The name of a column in a spreadsheet: A to Z, then AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
