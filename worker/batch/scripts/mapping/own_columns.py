"""Reads the tables that are written for chirp-worker: their columns are a job's fields, in any case. Pure."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from worker.batch.scripts.mapping.lines import Reading, read_lines
from worker.batch.scripts.mapping.model import Cast, TableMapping
from worker.batch.scripts.model import Finding, Line, Place, Severity
from worker.batch.scripts.rows import COLUMNS, REQUIRED, is_label
from worker.batch.scripts.tables.csv import read_csv
from worker.batch.scripts.tables.grid import column_letters
from worker.batch.scripts.tables.model import Table

_FIELDS: Final = {name.casefold(): name for name in COLUMNS}


def own_field(name: str) -> str | None:
    """The field of a job that a column's name is, in any case; None for any other name."""
    field = _FIELDS.get(name.casefold())
    if field is None and is_label(name[:7].lower() + name[7:]):
        return name[:7].lower() + name[7:]
    return field


def is_own_column(name: str) -> bool:
    """Whether a cell is the name of a job's field."""
    return own_field(name) is not None


def is_own_table(table: Table) -> bool:
    """Whether a table is written for chirp-worker: it has one of the columns that such a table needs."""
    return not table.columns or any(own_field(column) in REQUIRED for column in table.columns)


def read_own_csv(text: str, file: str, max_text_bytes: int) -> Iterator[Line | Finding]:
    """The lines of a CSV file whose columns are a job's fields, and the errors in it.

    Args:
        text: the file's content.
        file: its name in findings.
        max_text_bytes: the longest `text` of a line, in bytes of UTF-8.
    """
    yield from read_own_table(read_csv(text, file, is_own_column), max_text_bytes)


def read_own_table(table: Table, max_text_bytes: int) -> Iterator[Line | Finding]:
    """The lines of a table whose columns are a job's fields, and the errors in it."""
    fields = {field: column for column in table.columns if (field := own_field(column)) is not None}
    missing = [name for name in REQUIRED if name not in fields]
    missing += ["text"] if not fields.keys() & {"text", "ssml"} else []
    if not table.columns or not missing:
        mapping = TableMapping(file=table.file[:512] or "-", columns=fields)
        yield from read_lines(table, mapping, Reading(Cast({}), max_text_bytes, own_ids=True))
        return
    yield from table.findings
    place = Place(table.file, table.header.line, column_letters(len(table.columns)))
    others = [column for column in table.columns if own_field(column) is None]
    for name in missing:
        near = get_close_matches(name, [other.casefold() for other in others], n=1, cutoff=0.5)
        meant = next((other for other in others if near and other.casefold() == near[0]), None)
        ssml = " (or ssml)" if name == "text" else ""
        hint = f"; did you mean {meant[:60]!a}?" if meant else ""
        message = f"the column {name} is missing{ssml}{hint}; `chirp-worker batch import` reads tables of any columns"
        yield Finding(Severity.ERROR, place, message)
