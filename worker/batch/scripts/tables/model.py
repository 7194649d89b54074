"""A table of texts as a file of any format gives it: rows of named fields with their places, not yet lines. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from worker.batch.scripts.model import Finding, Place

LARGEST_ROWS: Final = 300_000
"""Rows that are read of one table; the largest game's script has about half as many lines."""
MOST_COLUMNS: Final = 1_024

IsKnown = Callable[[str], bool]
"""Whether a cell may be the name of a column that is looked for: so the header is known from a title."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row.

    Attributes:
        place: where it begins; `column` is the id of a unit where the format has units.
        fields: by the names of the table's columns; a field without content is left out.
        problems: what keeps a column's field from being read, such as a formula without a result.
    """

    place: Place
    fields: Mapping[str, str]
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        file: its name in findings, with the sheet in brackets.
        form: its format, for people.
        header: the place that names the columns.
        columns: their names, in the file's order.
        shown: their names in findings, such as `C (text)`.
        rows: read once; findings for what is no row.
        sheet: of a spreadsheet.
        findings: about the file as a whole.
        roles: the column of each field of a job, where the format itself says so.
        language: of all texts, where the file says so.
        skipped: values by column that the format marks as not spoken.
    """

    file: str
    form: str
    header: Place
    columns: tuple[str, ...]
    shown: Mapping[str, str]
    rows: Iterable[Row | Finding]
    sheet: str | None = None
    findings: tuple[Finding, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    language: str | None = None
    skipped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
