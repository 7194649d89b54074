"""Reads the sheets of an Excel workbook (XLSX). Pure."""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import lru_cache
from itertools import chain, islice
from typing import Any, Final

from worker.batch.scripts.extra import load_studio_library
from worker.batch.scripts.model import Finding, Place, Severity
from worker.batch.scripts.tables.archive import NotASpreadsheetError, open_archive
from worker.batch.scripts.tables.grid import GridRow, line_list, read_grid
from worker.batch.scripts.tables.model import LARGEST_ROWS, IsKnown, Table
from worker.batch.scripts.tables.sheet_part import SheetPart, filled_down, read_sheet_part

NO_RESULT: Final = (
    "is a formula without a stored result: open and save the file in a spreadsheet, or put the text there"
)


@dataclass(frozen=True, slots=True)
class _SheetRow:
    """The cells of a row that aren't empty, by index: a cell far to the right takes no memory for those before it."""

    line: int
    cells: Mapping[int, str]
    problems: Mapping[int, str]

    def as_grid_row(self) -> GridRow:
        last = max(self.cells, default=-1)
        return GridRow(self.line, [self.cells.get(index, "") for index in range(last + 1)], self.problems)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A sheet; `broken` says why the row after the last one can't be read."""

    title: str
    is_hidden: bool
    part: SheetPart
    rows: Sequence[_SheetRow]
    broken: str | None


def read_xlsx(content: bytes, file: str, is_known: IsKnown) -> Iterator[Table]:
    """The sheets that have content, each as a table. Of a formula the stored result is read.

    Raises:
        NotASpreadsheetError: the content is no workbook, or too large.
        UsageError: a library isn't installed.
    """
    for sheet in _read_sheets(content):
        name = f"{file}[{sheet.title}]"
        rows = filled_down((row.as_grid_row() for row in sheet.rows), sheet.part.merged)
        table = read_grid(chain(rows, _broken(sheet, name)), name, "XLSX", is_known, padded=True, sheet=sheet.title)
        if table is not None:
            hidden = _hidden(table, sheet.part.hidden_rows, is_hidden=sheet.is_hidden)
            yield replace(table, findings=(*hidden, *table.findings))


# An import reads a workbook twice: what its header is depends on which columns are known.
@lru_cache(maxsize=1)
def _read_sheets(content: bytes) -> tuple[_Sheet, ...]:
    """The sheets: by calamine, which is far faster, where they hold values alone, else by openpyxl.

    calamine gives no errors and no formulas, reads each number as a float, and holds the rectangle around all cells.
    Neither gives merged cells and hidden rows of a sheet that it reads in parts.
    """
    with open_archive(content) as archive:
        parts = {name: read_sheet_part(archive, name) for name in archive.namelist() if "worksheets/" in name}
    if parts and all(part.is_plain for part in parts.values()) and (plain := _read_plain(content)) is not None:
        return plain
    openpyxl = load_studio_library("openpyxl", "XLSX")
    has_formulas = any(part.has_formula for part in parts.values())
    try:
        results = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        formulas = openpyxl.load_workbook(io.BytesIO(content), read_only=True) if has_formulas else None
        sheets = results.worksheets
    # openpyxl raises what its parsers and lookups raise; none of it is more than "this is no workbook".
    except Exception as error:  # noqa: BLE001
        raise NotASpreadsheetError(f"is no Excel workbook: {_short(error)}") from None
    return tuple(
        _read_sheet(
            sheet,
            formulas.worksheets[index] if formulas else None,
            parts.get(getattr(sheet, "_worksheet_path", ""), SheetPart()),
        )
        for index, sheet in enumerate(sheets)
    )


def _read_plain(content: bytes) -> tuple[_Sheet, ...] | None:
    """The sheets of values alone; None if calamine refuses them: openpyxl says which row it can't read."""
    calamine = load_studio_library("python_calamine", "XLSX")
    sheets = []
    try:
        book = calamine.load_workbook(io.BytesIO(content))
        for metadata in book.sheets_metadata:
            if metadata.typ is not calamine.SheetTypeEnum.WorkSheet:
                continue
            cells = book.get_sheet_by_name(metadata.name).to_python(skip_empty_area=False, nrows=LARGEST_ROWS + 2)
            rows = [_SheetRow(line, _cells(row, str), {}) for line, row in enumerate(cells, start=1)]
            is_hidden = metadata.visible is not calamine.SheetVisibleEnum.Visible
            sheets.append(_Sheet(metadata.name, is_hidden, SheetPart(), rows, None))
    except (calamine.CalamineError, OSError, ValueError):
        return None
    return tuple(sheets)


def _read_sheet(sheet: Any, formulas: Any, part: SheetPart) -> _Sheet:
    rows: list[_SheetRow] = []
    broken = None
    try:
        # One more than are read, so that the reader can say that there are more.
        rows.extend(islice(_rows(sheet, formulas), LARGEST_ROWS + 2))
    # As above: openpyxl raises anything at a cell whose XML says what can't be.
    except Exception as error:  # noqa: BLE001
        broken = _short(error)
    return _Sheet(sheet.title, sheet.sheet_state != "visible", part, rows, broken)


def _broken(sheet: _Sheet, file: str) -> Iterator[Finding]:
    if sheet.broken is not None:
        line = sheet.rows[-1].line + 1 if sheet.rows else 1
        yield Finding(Severity.ERROR, Place(file, line, "1"), f"the row can't be read: {sheet.broken}")


def _hidden(table: Table, rows: Sequence[int], *, is_hidden: bool) -> Iterator[Finding]:
    """Warnings about what people don't see in the workbook and is read."""
    if is_hidden:
        yield Finding(Severity.WARNING, table.header, "the sheet is hidden in the workbook, and read like the others")
    below = [line for line in rows if line > table.header.line]
    if below:
        message = f"rows are hidden in the workbook, and read like the others: {line_list(below)}"
        yield Finding(Severity.WARNING, table.header, message)


def _rows(sheet: Any, formulas: Any) -> Iterator[_SheetRow]:
    # The dimension that a file declares may be wrong, or a million columns.
    sheet.reset_dimensions()
    unescape = load_studio_library("openpyxl.utils.escape", "XLSX").unescape
    if formulas is None:
        for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            yield _SheetRow(line, _cells(cells, unescape), {})
        return
    formulas.reset_dimensions()
    both = zip(sheet.iter_rows(values_only=True), formulas.iter_rows(values_only=True), strict=False)
    for line, (cells, written) in enumerate(both, start=1):
        problems = {
            index: NO_RESULT
            for index, (value, source) in enumerate(zip(cells, written, strict=False))
            if value is None and isinstance(source, str) and source.startswith("=")
        }
        yield _SheetRow(line, _cells(cells, unescape), problems)


def _cells(values: Iterable[Any], unescape: Callable[[str], str]) -> dict[int, str]:
    """The cells with content, as text.

    Args:
        unescape: what the reader leaves of a text: `_x000D_` stands for a character that XML can't have.
    """
    filled = ((index, value) for index, value in enumerate(values) if value is not None and value != "")
    return {index: unescape(value) if isinstance(value, str) else _cell(value) for index, value in filled}


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
