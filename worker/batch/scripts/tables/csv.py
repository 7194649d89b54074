"""Reads the cells of CSV as spreadsheets write it, with commas, semicolons, tabs or bars. Pure."""

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from worker.batch.scripts.model import Finding, Place, Severity
from worker.batch.scripts.tables.grid import GridRow, read_grid
from worker.batch.scripts.tables.model import IsKnown, Table

_DELIMITERS: Final = ",;\t|"
# Excel reads the delimiter from such a first line, and writes it where the list separator isn't the system's.
_SEP_LINE: Final = re.compile(r'"?sep=(?P<delimiter>[^\r\n"])"?(?:\r\n|\r|\n|$)', re.IGNORECASE)
_FIRST_LINES: Final = 10
_LOOKED_AT: Final = 100_000


def read_csv(text: str, file: str, is_known: IsKnown) -> Table:
    """The table in a CSV file.

    The delimiter is the one of Excel's `sep=` line; else the comma, semicolon, tab or bar that gives the most known
    columns, and then the most cells, in one of the first lines.

    Args:
        text: the file's content.
        file: its name in findings.
        is_known: whether a cell names a column.
    """
    delimiter, content = split_delimiter(text, is_known)
    table = read_grid(_rows(content, file, delimiter), file, "CSV", is_known)
    if table is not None:
        return table
    empty = Finding(Severity.ERROR, Place(file, 1, "1"), "is empty; the first row names the columns")
    return Table(file, "CSV", Place(file, 1), (), {}, (), findings=(empty,))


def split_delimiter(text: str, is_known: IsKnown) -> tuple[str, str]:
    """The delimiter, and the text of the rows.

    Excel's `sep=` line stays in that text as a blank one, so that lines keep their numbers.
    """
    named = _SEP_LINE.match(text)
    if named is None:
        return _delimiter(text, is_known), text
    return named["delimiter"], text[named.end("delimiter") :].lstrip('"')


def _rows(text: str, file: str, delimiter: str) -> Iterator[GridRow | Finding]:
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
            yield GridRow(start + 1, cells)


def _delimiter(text: str, is_known: IsKnown) -> str:
    beginning = io.StringIO(text[:_LOOKED_AT], newline=None)
    first_lines = list(islice((line for line in beginning if line.strip()), _FIRST_LINES))

    def fit(delimiter: str) -> tuple[int, int]:
        rows = [[cell.strip().strip('"').strip() for cell in line.split(delimiter)] for line in first_lines]
        known = max((sum(map(is_known, cells)) for cells in rows), default=0)
        return known, max(map(len, rows), default=0)

    return max(_DELIMITERS, key=fit)


def _describe(error: str) -> str:
    if "unexpected end" in error:
        return "a quote is opened here and never closed"
    if "field limit" in error:
        return f"a cell begins here that is longer than {csv.field_size_limit():,} characters; is a quote left open?"
    return "a quoted cell ends here, and more text follows; a quote inside of a quoted cell is written twice"


def _error_position(lines: list[str], start: int, delimiter: str) -> tuple[int, int]:
    """Line and column, from 1, of the error in a broken row: the csv module doesn't report them."""
    text = "".join(lines[start:])
    plain = rf"[^{re.escape(delimiter)}\r\n]"
    # Possessive (`*+`): a quoted cell must not end at the first half of a doubled quote.
    cell = re.compile(rf'(?:"(?:[^"]|"")*+(?P<closing>")|(?!"){plain}+)?(?P<end>[{re.escape(delimiter)}\r\n]|$)?')
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
