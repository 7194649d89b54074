"""Reads what no library gives of a large sheet: whether it is plain, has formulas, merged cells, hidden rows. Pure."""

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from worker.batch.scripts.tables.archive import NotASpreadsheetError
from worker.batch.scripts.tables.grid import GridRow, column_index
from worker.batch.scripts.tables.model import LARGEST_ROWS, MOST_COLUMNS

_CHUNK: Final = 2**20
# The longest tag that is looked for, so that none is lost between two chunks.
_OVERLAP: Final = 2_000
_FOUND: Final = re.compile(
    rb"<(?:\w+:)?(?:(?P<formula>f)[ >/]|mergeCell [^>]*?ref=\"(?P<merged>[A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})\"|"
    rb"row (?P<row>[^>]*?hidden=\"(?:1|true)\"[^>]*)>)"
)
# As Excel, LibreOffice and the libraries write a cell: its place comes first.
_PLACE: Final = re.compile(rb"<(?:\w+:)?c r=\"([A-Z]{1,3})(\d{1,7})\"")
# A cell whose place stands elsewhere, or nowhere: it may be far away. It needs the 24 bytes after
# its name, which the last cell of a sheet has too.
_ODD_PLACE: Final = re.compile(rb"<(?!(?:\w+:)?c r=\"[A-Z]{1,3}\d{1,7}\")(?:[^\s<>/!?]*:)?c(?=[\s/>])(?s:.{24})")
# A cell with an error, a number with more digits than a float has, and what declares entities.
_ODD: Final = re.compile(rb"<(?:!DOCTYPE|(?:\w+:)?(?:c\s[^>]*?\bt\s*=\s*[\"']e[\"']|v>\s*-?\d{16}))")
_LARGEST_GRID: Final = 2_000_000
"""Cells of the rectangle around all cells of a sheet, which a library that holds it whole may be given."""
_NUMBER: Final = re.compile(rb"\br=\"(\d{1,7})\"")
_MOST_MERGED: Final = 20_000
_MOST_HIDDEN: Final = 20_000


@dataclass(frozen=True, slots=True)
class Merged:
    """Cells of one column that are merged downwards: its index, and the numbers of the first and last row."""

    column: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class SheetPart:
    """What a sheet's XML says beside its cells.

    Attributes:
        is_plain: no cell has a formula, an error or more digits than a float, or is far from the others, no cells are
            merged, no row is hidden.
        has_formula: some cell has one.
        merged: cells that are merged downwards.
        hidden_rows: their numbers, from 1.
    """

    is_plain: bool = False
    has_formula: bool = False
    merged: tuple[Merged, ...] = ()
    hidden_rows: tuple[int, ...] = ()


def read_sheet_part(archive: zipfile.ZipFile, name: str) -> SheetPart:
    """The parts of a sheet.

    Raises:
        NotASpreadsheetError: the ZIP is broken.
    """
    has_formula, merged, hidden = False, dict[bytes, None](), dict[int, None]()
    is_odd, columns, rows = False, 1, 1
    before = b""
    try:
        with archive.open(name) as member:
            while chunk := member.read(_CHUNK):
                content = before + chunk
                is_odd = is_odd or any(each.search(content) is not None for each in (_ODD, _ODD_PLACE))
                places = _PLACE.findall(content)
                letters, numbers = ({each[part] for each in places} for part in (0, 1))
                columns = max([columns, *(column_index(each.decode()) + 1 for each in letters)])
                rows = max([rows, *map(int, numbers)])
                for found in _FOUND.finditer(content):
                    has_formula = has_formula or found["formula"] is not None
                    if found["merged"] and len(merged) < _MOST_MERGED:
                        merged[found["merged"]] = None
                    number = _NUMBER.search(found["row"]) if found["row"] else None
                    if number is not None and len(hidden) < _MOST_HIDDEN:
                        hidden[int(number[1])] = None
                before = content[-_OVERLAP:]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise NotASpreadsheetError(f"is a broken ZIP: {error}") from None
    is_plain = not (has_formula or is_odd or merged or hidden) and columns * rows <= _LARGEST_GRID
    return SheetPart(is_plain, has_formula, tuple(_downwards(merged)), tuple(hidden))


def _downwards(ranges: Sequence[bytes] | dict[bytes, None]) -> Iterator[Merged]:
    for each in ranges:
        (left, top), (right, bottom) = (_cell(corner) for corner in each.decode("ascii").split(":"))
        if left == right and top < bottom and left < MOST_COLUMNS and bottom - top <= LARGEST_ROWS:
            yield Merged(left, top, bottom)


def _cell(name: str) -> tuple[int, int]:
    letters = name.rstrip("0123456789")
    return column_index(letters), int(name[len(letters) :])


def filled_down(rows: Iterator[GridRow], merged: Sequence[Merged]) -> Iterator[GridRow]:
    """The rows, with the value of cells that are merged downwards in each of them: who speaks several lines."""
    waiting = sorted(merged, key=lambda each: each.first, reverse=True)
    open_now: list[tuple[Merged, str]] = []
    for row in rows:
        open_now = [(each, value) for each, value in open_now if each.last >= row.line]
        cells = list(row.cells)
        # A row of nothing but merged cells is none.
        if any(cell.strip() for cell in cells):
            for each, value in open_now:
                cells += [""] * (each.column + 1 - len(cells))
                cells[each.column] = cells[each.column] or value
        while waiting and waiting[-1].first <= row.line:
            each = waiting.pop()
            if each.first == row.line and each.column < len(cells):
                open_now.append((each, cells[each.column]))
        yield replace(row, cells=cells) if open_now else row
