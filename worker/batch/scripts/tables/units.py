"""Builds the table of a format that has units, such as cues, segments or nodes, in place of rows. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from worker.batch.scripts.model import Finding, Place, Severity
from worker.batch.scripts.tables.model import LARGEST_ROWS, Row, Table


def unit_table(
    file: str,
    form: str,
    columns: Sequence[str],
    rows: Iterable[Row | Finding],
    *,
    roles: Mapping[str, str],
    language: str | None = None,
    skipped: Mapping[str, tuple[str, ...]] | None = None,
) -> Table:
    """A table whose columns are the format's, not the file's.

    Args:
        roles: the column of each field of a job.
        language: of all texts, where the file says so.
        skipped: values by column that the format marks as not spoken.
    """
    shown = {name: name for name in columns}
    place = Place(file, 1)
    return Table(
        file, form, place, tuple(columns), shown, _bounded(rows, file), None, (), roles, language, skipped or {}
    )


def unit_row(file: str, number: int, unit: str, fields: Mapping[str, str | None]) -> Row:
    """The row of a unit.

    Args:
        number: of the line where the format has lines, else of the unit; from 1.
        unit: its id, for findings.
        fields: those without content are left out.
    """
    return Row(Place(file, number, unit[:120]), {name: text for name, text in fields.items() if text and text.strip()})


def broken_file(file: str, form: str, message: str, line: int = 1) -> Table:
    """The table of a file that is not what its ending says."""
    place = Place(file, line, "1")
    return Table(file, form, place, (), {}, (), findings=(Finding(Severity.ERROR, place, message),))


def _bounded(rows: Iterable[Row | Finding], file: str) -> Iterator[Row | Finding]:
    number = 0
    for number, row in enumerate(rows, start=1):  # its last value says whether there was any
        if number > LARGEST_ROWS:
            message = f"has more than {LARGEST_ROWS:,} units; at most so many are read: split the file"
            yield Finding(Severity.ERROR, Place(file, number, "1"), message)
            return
        yield row
    if not number:
        yield Finding(Severity.ERROR, Place(file, 1, "1"), "holds no text")
