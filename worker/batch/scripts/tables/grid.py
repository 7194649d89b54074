"""Finds the header and the rows in a grid of cells, as spreadsheets hold it. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, takewhile
from typing import Final

from worker.batch.scripts.model import Finding, Place, Severity
from worker.batch.scripts.tables.model import LARGEST_ROWS, MOST_COLUMNS, IsKnown, Row, Table

_TITLE_ROWS: Final = 10
"""The header is looked for among so many rows with content."""
_LEAST_SHARE: Final = 0.5
_FEWEST_NAMES: Final = 2
_SHOWN_LINES: Final = 8


@dataclass(frozen=True, slots=True)
class GridRow:
    """A row of cells, with the number of its line, and problems by the index of the cell."""

    line: int
    cells: Sequence[str]
    problems: Mapping[int, str] = field(default_factory=dict)

    @property
    def has_content(self) -> bool:
        """Whether any cell holds more than blanks."""
        return any(cell.strip() for cell in self.cells) or bool(self.problems)


def read_grid(
    rows: Iterable[GridRow | Finding],
    file: str,
    form: str,
    is_known: IsKnown,
    *,
    padded: bool = False,
    sheet: str | None = None,
) -> Table | None:
    """The table in a grid; None if the grid is empty.

    The header is the one of the first rows that has most names of known columns; without any, the first that is filled
    as the widest one is. Rows above it are titles, and reported.

    Args:
        file: its name in findings.
        form: the format, for people.
        padded: whether rows end at their last cell with content, so that a short one says nothing.
        sheet: the name of a spreadsheet's sheet.
    """
    rest = (row for row in _bounded(rows, file) if isinstance(row, Finding) or row.has_content)
    first = list(islice(rest, _TITLE_ROWS))
    if not first:
        return None
    if isinstance(first[0], Finding):
        # It may have been the header: what its columns would be is unknown.
        return Table(file, form, Place(file, 1), (), {}, (), sheet, (first[0],))
    candidates = [row for row in takewhile(lambda row: isinstance(row, GridRow), first) if isinstance(row, GridRow)]
    at = _header_index(candidates, is_known)
    header = candidates[at]
    place = Place(file, header.line)
    findings = []
    if at:
        title = Place(file, header.line, "1")
        message = f"the header; what is above it in {at} row{'s' if at > 1 else ''} is taken for a title"
        findings.append(Finding(Severity.WARNING, title, message))
    below = candidates[at + 1] if len(candidates) > at + 1 else None
    cells: Sequence[str] = header.cells
    if below is not None and _is_second_header(header.cells, below.cells, is_known):
        message = "names more columns, and is read as a second row of the header"
        findings.append(Finding(Severity.WARNING, Place(file, below.line, "1"), message))
        cells, at = _both_headers(header.cells, below.cells), at + 1
    names, twice = _names(cells, place, is_known)
    shown = {name: f"{column_letters(index)} ({name})" for index, name in enumerate(names) if name}
    content = chain(first[at + 1 :], rest)
    columns = tuple(filter(None, names))
    named = _Header(names, place, padded)
    return Table(file, form, place, columns, shown, named.rows(content), sheet, (*findings, *twice))


def _bounded(rows: Iterable[GridRow | Finding], file: str) -> Iterator[GridRow | Finding]:
    for number, row in enumerate(rows):
        if isinstance(row, GridRow) and number > LARGEST_ROWS:
            message = f"is row {number + 1:,} of the table; at most {LARGEST_ROWS:,} are read: split the file"
            yield Finding(Severity.ERROR, Place(file, row.line, "1"), message)
            return
        if isinstance(row, GridRow) and len(row.cells) > MOST_COLUMNS:
            message = f"the row has {len(row.cells):,} cells; at most {MOST_COLUMNS:,} are read"
            yield Finding(Severity.ERROR, Place(file, row.line, column_letters(MOST_COLUMNS)), message)
            continue
        yield row


def _header_index(rows: Sequence[GridRow], is_known: IsKnown) -> int:
    known = [len({cell.strip() for cell in row.cells if is_known(cell.strip())}) for row in rows]
    if max(known):
        return known.index(max(known))
    filled = [sum(bool(cell.strip()) for cell in row.cells) for row in rows]
    enough = max(filled) * _LEAST_SHARE
    return next(index for index, count in enumerate(filled) if count >= min(max(filled), max(enough, _FEWEST_NAMES)))


def _is_second_header(cells: Sequence[str], below: Sequence[str], is_known: IsKnown) -> bool:
    """Whether a row names columns that the header above it leaves open, and nothing else: a merged `Text` over two."""
    filled = [(index, cell.strip()) for index, cell in enumerate(below) if cell.strip()]
    opens = any(index >= len(cells) or not cells[index].strip() for index, _ in filled)
    return len(filled) > 1 and opens and all(is_known(cell) for _, cell in filled)


def _both_headers(cells: Sequence[str], below: Sequence[str]) -> list[str]:
    """The lower row's names, and the upper ones where it has none."""
    width = max(len(cells), len(below))
    upper, lower = ([*row, *[""] * (width - len(row))] for row in (cells, below))
    return [under if under.strip() else over for over, under in zip(upper, lower, strict=True)]


def _names(cells: Sequence[str], place: Place, is_known: IsKnown) -> tuple[list[str], list[Finding]]:
    """The columns' names, each once, and findings about those that occur twice."""
    names: list[str] = []
    findings = []
    for index, cell in enumerate(cells):
        name = " ".join(cell.split())
        if name and name in names:
            at = Place(place.file, place.line, column_letters(index))
            unlike = f"{name} ({column_letters(index)})"
            known = is_known(name)
            message = f"the column {name[:60]} occurs twice; " + (
                "rename one of them" if known else f"this one is called {unlike[:70]}"
            )
            findings.append(Finding(Severity.ERROR if known else Severity.WARNING, at, message))
            name = unlike
        names.append(name)
    return names, findings


@dataclass(frozen=True)
class _Header:
    names: Sequence[str]
    place: Place
    padded: bool

    def rows(self, content: Iterable[GridRow | Finding]) -> Iterator[Row | Finding]:
        has_lines = False
        short: list[int] = []
        for row in content:
            has_lines = True
            if isinstance(row, GridRow) and not self.padded and len(row.cells) < len(self.names):
                short.append(row.line)
            yield from (row,) if isinstance(row, Finding) else self._row(row)
        if short:
            yield self._short_rows(short)
        if not has_lines:
            at = Place(self.place.file, self.place.line + 1, "1")
            # A workbook may have sheets that are still to be filled.
            yield Finding(Severity.WARNING if self.padded else Severity.ERROR, at, "names its columns and has no line")

    def _short_rows(self, lines: Sequence[int]) -> Finding:
        # Excel leaves out the delimiters of empty cells at a row's end, as people do; a text in two lines looks alike.
        count = f"{len(lines):,} rows have" if len(lines) > 1 else "a row has"
        message = f"{count} fewer cells than columns, and the missing ones are taken for empty: {line_list(lines)}"
        return Finding(Severity.WARNING, Place(self.place.file, lines[0], "1"), message)

    def _row(self, row: GridRow) -> Iterator[Row | Finding]:
        cells, names = list(row.cells), self.names
        place = Place(self.place.file, row.line)
        cells += [""] * (len(names) - len(cells))
        while len(cells) > len(names) and not cells[-1].strip():
            cells.pop()
        if len(cells) > len(names):
            hint = "; is there a text with a comma and no quotes?"
            message = f"the row has {len(cells)} cells for {len(names)} columns{hint}"
            yield Finding(Severity.ERROR, Place(place.file, place.line, column_letters(len(names))), message)
            return
        for index, (name, cell) in enumerate(zip(names, cells, strict=True)):
            if cell.strip() and not name:
                at = Place(place.file, place.line, column_letters(index))
                yield Finding(Severity.ERROR, at, "the column has no name")
        fields = {name: cell for name, cell in zip(names, cells, strict=True) if name and cell.strip()}
        yield Row(place, fields, {names[index]: each for index, each in row.problems.items() if index < len(names)})


def line_list(lines: Sequence[int]) -> str:
    """The numbers of lines, for people: the first ones."""
    more = ", …" if len(lines) > _SHOWN_LINES else ""
    return f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines[:_SHOWN_LINES]))}{more}"


def column_letters(index: int) -> str:
    """The name of a column in a spreadsheet: A to Z, then AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def column_index(letters: str) -> int:
    """The index of a column by its name in a spreadsheet."""
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1
