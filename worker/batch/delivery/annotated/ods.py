"""Adds the audio's columns to the sheets of an OpenDocument spreadsheet; all else of it stays. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final
from xml.sax.saxutils import escape  # writes XML

from worker.batch.delivery.annotated.archive import with_members
from worker.batch.delivery.annotated.model import GridEdit, NoPlaceError
from worker.batch.delivery.annotated.xml_spans import Element, as_utf8, find_elements, replaced
from worker.batch.scripts.tables.archive import open_archive

_CONTENT: Final = "content.xml"
_CELLS: Final = frozenset({"table:table-cell", "table:covered-table-cell"})
_WANTED: Final = _CELLS | {"table:table", "table:table-row"}


def edit_ods(content: bytes, edits: Mapping[str, GridEdit]) -> bytes:
    """The spreadsheet with the columns.

    Args:
        edits: by title of the sheet.

    Raises:
        NotASpreadsheetError: it is no ZIP that may be read.
        NoPlaceError: it is laid out in another way than spreadsheets do.
    """
    with open_archive(content) as archive:
        try:
            utf8, encode = as_utf8(archive.read(_CONTENT))
        except KeyError:
            raise NoPlaceError("has no content.xml") from None
        sheets = {
            each.attributes.get("table:name", "")[:120]: each for each in find_elements(utf8, _WANTED.__contains__)
        }
        pieces = [piece for title, edit in edits.items() for piece in _sheet_edits(sheets[title], edit)]
        return with_members(archive, {_CONTENT: encode(replaced(utf8, pieces))})


def _sheet_edits(sheet: Element, edit: GridEdit) -> Iterator[tuple[int, int, str]]:
    rows: dict[int, Element] = {}
    line = 1
    for row in sheet.children:
        # Rows that are repeated have the same cells: none of them can get its own.
        repeated = _repeat(row, "table:number-rows-repeated")
        rows |= {line: row} if repeated == 1 else {}
        line += repeated
    widths = (start + _columns(cell) for row in rows.values() for start, cell in _placed(row) if not cell.is_empty)
    columns = sorted(edit.placed(max(widths, default=0)).items(), key=lambda each: each[1])
    for number in (edit.header, *edit.values):
        cells = edit.cells(number)
        if number in rows:
            yield from _row_edits(rows[number], {index: cells[name] for name, index in columns if name in cells})


def _row_edits(row: Element, values: Mapping[int, str]) -> Iterator[tuple[int, int, str]]:
    """Each cell in which columns begin that get a value, split around them; behind the last cell new ones."""
    left = dict(values)
    width = 0
    for start, cell in _placed(row):
        width = start + _columns(cell)
        inside = {index: left.pop(index) for index in [*left] if start <= index < width}
        if inside:
            yield cell.start, cell.end, _filled(start, width, inside)
    if left:
        yield row.close, row.close, _filled(width, max(left) + 1, left)


def _filled(start: int, end: int, values: Mapping[int, str]) -> str:
    """Cells of the columns from start to end: those with values, and empty ones between."""
    written, at = "", start
    for index, value in sorted(values.items()):
        text = f'<table:table-cell office:value-type="string"><text:p>{escape(value)}</text:p></table:table-cell>'
        written, at = written + _empty(index - at) + text, index + 1
    return written + _empty(end - at)


def _empty(count: int) -> str:
    return f'<table:table-cell table:number-columns-repeated="{count}"/>' if count > 0 else ""


def _placed(row: Element) -> Iterator[tuple[int, Element]]:
    start = 0
    for cell in row.children:
        if cell.name in _CELLS:
            yield start, cell
            start += _columns(cell)


def _columns(cell: Element) -> int:
    return _repeat(cell, "table:number-columns-repeated")


def _repeat(element: Element, attribute: str) -> int:
    value = element.attributes.get(attribute, "1")
    return int(value) if value.isascii() and value.isdecimal() else 1
