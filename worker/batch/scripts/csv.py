"""Reads a script from CSV, as spreadsheets write it. Pure."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any, Final

from worker.batch.scripts.model import Finding, Line, Place, Severity
from worker.batch.scripts.rows import COLUMNS, REQUIRED, cell_value, is_column, nested, read_line

_DELIMITERS: Final = ",;\t"


def read_csv(text: str, file: str, max_text_bytes: int) -> Iterator[Line | Finding]:
    """The lines of a CSV file, and what is wrong in it.

    The first row names the columns; they are parted by commas, semicolons or tabs, whichever makes more sense of it.

    Args:
        text: the file's, decoded.
        file: how findings call it.
        max_text_bytes: the longest `text` of a line.
    """
    delimiter = _delimiter(text)
    rows = _rows(text, file, delimiter)
    first = next((row for row in rows if isinstance(row, Finding) or any(cell.strip() for cell in row[1])), None)
    if first is None or isinstance(first, Finding):
        yield first or Finding(Severity.ERROR, Place(file, 1, "1"), "is empty; the first row names the columns")
        return
    at, cells = first
    header = [cell.strip() for cell in cells]
    if problems := list(_header_problems(header, Place(file, at))):
        yield from problems
        return
    columns = {name: f"{_letters(index)} ({name})" for index, name in enumerate(header) if name}
    found = False
    for row in rows:
        if isinstance(row, Finding):
            found = True
            yield row
        elif any(cell.strip() for cell in row[1]):
            found = True
            yield from _line(row[1], header, Place(file, row[0]), columns, max_text_bytes)
    if not found:
        yield Finding(Severity.ERROR, Place(file, at + 1, "1"), "names its columns and has no line")


def _line(
    cells: list[str], header: list[str], place: Place, columns: dict[str, str], max_text_bytes: int
) -> Iterator[Line | Finding]:
    if len(cells) != len(header):
        column = _letters(min(len(cells), len(header)))
        why = "; is a text with a comma not in quotes?" if len(cells) > len(header) else ""
        message = f"the row has {len(cells)} cells, and {len(header)} columns are named{why}"
        yield Finding(Severity.ERROR, Place(place.file, place.line, column), message)
        return
    fields: dict[str, Any] = {}
    problems = []
    for name, cell in zip(header, cells, strict=True):
        if name and cell.strip():
            try:
                fields[name] = cell_value(name, cell)
            except ValueError as error:
                at = Place(place.file, place.line, columns[name])
                problems.append(Finding(Severity.ERROR, at, str(error), fields.get("job_id")))
        elif cell.strip():
            column = _letters(cells.index(cell))
            problems.append(Finding(Severity.ERROR, Place(place.file, place.line, column), "the column has no name"))
    found = list(read_line(nested(fields), place, columns, max_text_bytes))
    yield from problems
    yield from (each for each in found if isinstance(each, Finding) or not problems)


def _header_problems(header: list[str], place: Place) -> Iterator[Finding]:
    def wrong(index: int, message: str) -> Finding:
        return Finding(Severity.ERROR, Place(place.file, place.line, _letters(index)), message)

    for index, name in enumerate(header):
        if name and not is_column(name):
            said = f"{name[:60]!a} is no column; there are {', '.join(COLUMNS)} and labels.NAME"
            yield wrong(index, said)
        elif name and name in header[:index]:
            yield wrong(index, f"the column {name} stands twice")
    for name in REQUIRED:
        if name not in header:
            yield wrong(len(header), f"the column {name} is missing")
    if "text" not in header and "ssml" not in header:
        yield wrong(len(header), "the column text is missing, or ssml")


def _rows(text: str, file: str, delimiter: str) -> Iterator[tuple[int, list[str]] | Finding]:
    """Each row with the line that it begins in; what is no row, as a finding."""
    lines = io.StringIO(text, newline="").readlines()
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        begins = reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            line, column = _broken_at(lines, begins, delimiter)
            yield Finding(Severity.ERROR, Place(file, line, str(column)), _in_words(str(error)))
        else:
            yield begins + 1, cells


def _in_words(error: str) -> str:
    if "unexpected end" in error:
        return "a quote is opened here and never closed"
    if "field limit" in error:
        return f"a cell begins here that is longer than {csv.field_size_limit():,} characters; is a quote left open?"
    return "a quoted cell ends here, and more follows; a quote inside a quoted cell is written twice"


def _broken_at(lines: list[str], begins: int, delimiter: str) -> tuple[int, int]:
    """Line and column, from 1, of what makes a row no row: the module that reads it doesn't say."""
    text = "".join(lines[begins:])
    plain = rf"[^{delimiter}\r\n]"
    # Possessive: a quoted cell is never taken for one that ends at the first half of a doubled quote.
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
    return begins + before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _delimiter(text: str) -> str:
    header = next((line for line in io.StringIO(text) if line.strip()), "")

    def named(delimiter: str) -> int:
        return sum(is_column(cell.strip().strip('"').strip()) for cell in header.split(delimiter))

    return max(_DELIMITERS, key=named)


def _letters(index: int) -> str:
    """A spreadsheet's name of a column: A to Z, then AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
