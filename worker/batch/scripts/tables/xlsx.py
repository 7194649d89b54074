"""Reads the sheets of an Excel workbook (XLSX). Pure."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any, Final

from worker.batch.scripts.extra import load_studio_library
from worker.batch.scripts.model import Finding, Place, Severity
from worker.batch.scripts.tables.archive import NotASpreadsheetError, open_archive
from worker.batch.scripts.tables.grid import GridRow, line_list, read_grid
from worker.batch.scripts.tables.model import IsKnown, Table
from worker.batch.scripts.tables.sheet_part import SheetPart, filled_down, read_sheet_part

NO_RESULT: Final = (
    "is a formula without a stored result: open and save the file in a spreadsheet, or put the text there"
)


def read_xlsx(content: bytes, file: str, is_known: IsKnown) -> Iterator[Table]:
    """The sheets that have content, each as a table. Of a formula the stored result is read.

    Raises:
        NotASpreadsheetError: the content is no workbook, or too large.
        UsageError: openpyxl isn't installed.
    """
    openpyxl = load_studio_library("openpyxl", "XLSX")
    with open_archive(content) as archive:
        parts = {name: read_sheet_part(archive, name) for name in archive.namelist() if "worksheets/" in name}
    has_formulas = any(part.has_formula for part in parts.values())
    try:
        results = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        formulas = openpyxl.load_workbook(io.BytesIO(content), read_only=True) if has_formulas else None
        sheets = results.worksheets
    # openpyxl raises what its parsers and lookups raise; none of it is more than "this is no workbook".
    except Exception as error:  # noqa: BLE001
        raise NotASpreadsheetError(f"is no Excel workbook: {_short(error)}") from None
    for index, sheet in enumerate(sheets):
        name = f"{file}[{sheet.title}]"
        part = parts.get(getattr(sheet, "_worksheet_path", ""), SheetPart())
        rows = _guarded(filled_down(_rows(sheet, formulas.worksheets[index] if formulas else None), part.merged), name)
        table = read_grid(rows, name, "XLSX", is_known, padded=True, sheet=sheet.title)
        if table is not None:
            hidden = _hidden(table, part.hidden_rows, is_hidden=sheet.sheet_state != "visible")
            yield replace(table, findings=(*hidden, *table.findings))


def _hidden(table: Table, rows: Sequence[int], *, is_hidden: bool) -> Iterator[Finding]:
    """Warnings about what people don't see in the workbook and is read."""
    if is_hidden:
        yield Finding(Severity.WARNING, table.header, "the sheet is hidden in the workbook, and read like the others")
    below = [line for line in rows if line > table.header.line]
    if below:
        message = f"rows are hidden in the workbook, and read like the others: {line_list(below)}"
        yield Finding(Severity.WARNING, table.header, message)


def _rows(sheet: Any, formulas: Any) -> Iterator[GridRow]:
    # The dimension that a file declares may be wrong, or a million columns.
    sheet.reset_dimensions()
    if formulas is None:
        for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            yield GridRow(line, [_cell(value) for value in cells])
        return
    formulas.reset_dimensions()
    both = zip(sheet.iter_rows(values_only=True), formulas.iter_rows(values_only=True), strict=False)
    for line, (cells, written) in enumerate(both, start=1):
        problems = {
            index: NO_RESULT
            for index, (value, source) in enumerate(zip(cells, written, strict=False))
            if value is None and isinstance(source, str) and source.startswith("=")
        }
        yield GridRow(line, [_cell(value) for value in cells], problems)


def _guarded(rows: Iterator[GridRow], file: str) -> Iterator[GridRow | Finding]:
    """The rows, and a finding at the first that can't be read."""
    line = 0
    try:
        for row in rows:
            line = row.line
            yield row
    # As above: openpyxl raises anything at a cell whose XML says what can't be.
    except Exception as error:  # noqa: BLE001
        yield Finding(Severity.ERROR, Place(file, line + 1, "1"), f"the row can't be read: {_short(error)}")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
