"""Reads the sheets of an OpenDocument spreadsheet (ODS 1.2 and later). Pure."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, Final
from xml.sax.handler import ContentHandler

from defusedxml import DefusedXmlException
from defusedxml.sax import make_parser

from worker.batch.scripts.tables.archive import NotASpreadsheetError, open_archive
from worker.batch.scripts.tables.grid import GridRow, read_grid
from worker.batch.scripts.tables.model import LARGEST_ROWS, MOST_COLUMNS, IsKnown, Table
from worker.batch.scripts.tables.xlsx import NO_RESULT

_TYPED: Final = {"float", "percentage", "currency", "boolean", "date", "time"}
_ERRORS: Final = ("Err:", "#")


def read_ods(content: bytes, file: str, is_known: IsKnown) -> Iterator[Table]:
    """The sheets that have content, each as a table. Of a formula the stored result is read.

    Raises:
        NotASpreadsheetError: the content is no OpenDocument spreadsheet, or too large.
    """
    sheets = _Sheets()
    parser = make_parser()
    parser.setContentHandler(sheets)
    try:
        with open_archive(content) as archive:
            parser.parse(io.BytesIO(archive.read("content.xml")))
    except KeyError:
        raise NotASpreadsheetError("is no OpenDocument spreadsheet: it has no content.xml") from None
    except DefusedXmlException:
        raise NotASpreadsheetError("declares entities or a DTD, which a spreadsheet has not") from None
    except _TooLargeError as error:
        raise NotASpreadsheetError(str(error)) from None
    # SAX raises SAXParseException, expat ValueError for sizes, zipfile its own errors and those of zlib.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise NotASpreadsheetError(f"is a broken spreadsheet: {error}") from None
    for title, rows in sheets.read:
        name = f"{file}[{title}]"
        table = read_grid(rows, name, "ODS", is_known, padded=True, sheet=title)
        if table is not None:
            yield table


class _TooLargeError(Exception):
    """The sheet has more rows or columns than are read."""


class _Sheets(ContentHandler):
    """Collects the rows with content of each sheet. Repeated empty cells and rows are counted, not stored."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[tuple[str, list[GridRow]]] = []
        self._line = 0
        self._repeat = 1
        self._cells: list[str] = []
        self._problems: dict[int, str] = {}
        self._cell: dict[str, Any] | None = None
        self._note = 0

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802  # SAX' name
        if name == "table:table":
            self.read.append((str(attrs.get("table:name", ""))[:120], []))
            self._line = 0
        elif name == "table:table-row":
            self._repeat = _count(attrs.get("table:number-rows-repeated"))
            self._cells, self._problems = [], {}
        elif name in {"table:table-cell", "table:covered-table-cell"}:
            self._cell = {"attrs": dict(attrs.items()), "paragraphs": []}
        elif name == "office:annotation":
            self._note += 1
        elif self._cell is not None and not self._note:
            paragraphs = self._cell["paragraphs"]
            if name == "text:p":
                paragraphs.append("")
            elif paragraphs and name == "text:s":
                paragraphs[-1] += " " * min(_count(attrs.get("text:c")), 1000)
            elif paragraphs and name in {"text:tab", "text:line-break"}:
                paragraphs[-1] += "\t" if name == "text:tab" else "\n"

    def characters(self, content: str) -> None:
        if self._cell is not None and self._cell["paragraphs"] and not self._note:
            self._cell["paragraphs"][-1] += content

    def endElement(self, name: str) -> None:  # noqa: N802  # SAX' name
        if name == "office:annotation":
            self._note -= 1
        elif name in {"table:table-cell", "table:covered-table-cell"} and self._cell is not None:
            self._end_cell(self._cell["attrs"], "\n".join(self._cell["paragraphs"]))
            self._cell = None
        elif name == "table:table-row" and self.read:
            self._end_row()

    def _end_cell(self, attrs: dict[str, str], text: str) -> None:
        value = _value(attrs, text)
        if "table:formula" in attrs and (not value or value.startswith(_ERRORS)):
            self._problems[len(self._cells)] = f"is a formula whose result is {value[:20]}" if value else NO_RESULT
        repeat = _count(attrs.get("table:number-columns-repeated"))
        # The empty cells to the right of the last one are repeated to the sheet's edge.
        repeat = min(repeat, MOST_COLUMNS + 1) if value else min(repeat, MOST_COLUMNS)
        self._cells += [value] * repeat

    def _end_row(self) -> None:
        while self._cells and not self._cells[-1]:
            self._cells.pop()
        title, rows = self.read[-1]
        if self._cells or self._problems:
            if self._repeat > LARGEST_ROWS or len(rows) + self._repeat > LARGEST_ROWS:
                message = f"the sheet {title!r} has more than {LARGEST_ROWS:,} rows from row {self._line + 1} on"
                raise _TooLargeError(f"{message}; at most {LARGEST_ROWS:,} are read")
            cells, problems = self._cells, self._problems
            rows += [GridRow(self._line + each + 1, cells, problems) for each in range(self._repeat)]
        self._line += self._repeat


def _value(attrs: dict[str, str], text: str) -> str:
    """What the cell shows; of a number its full value, without the decimals and separators of its format."""
    kind = attrs.get("office:value-type")
    if kind == "float":
        number = attrs.get("office:value", text)
        return number.removesuffix(".0")
    if kind in _TYPED or text:
        return text
    return attrs.get("office:string-value", "")


def _count(repeated: str | None) -> int:
    return int(repeated) if repeated and repeated.isascii() and repeated.isdecimal() and len(repeated) < 10 else 1  # noqa: PLR2004
