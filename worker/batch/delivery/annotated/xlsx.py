"""Adds the audio's columns to the sheets of an Excel workbook; all else, such as formulas' results, stays. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final
from xml.sax.saxutils import escape, quoteattr  # writes XML

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from worker.batch.delivery.annotated.archive import with_members
from worker.batch.delivery.annotated.model import GridEdit, NoPlaceError
from worker.batch.delivery.annotated.xml_spans import Element, as_utf8, find_elements, local, replaced
from worker.batch.scripts.tables.archive import open_archive
from worker.batch.scripts.tables.grid import column_index, column_letters

_WORKBOOK: Final = "xl/workbook.xml"
_RELATIONS: Final = "xl/_rels/workbook.xml.rels"
_WANTED: Final = frozenset({"row", "c"})


def edit_xlsx(content: bytes, edits: Mapping[str, GridEdit]) -> bytes:
    """The workbook with the columns.

    Args:
        edits: by title of the sheet.

    Raises:
        NotASpreadsheetError: it is no ZIP that may be read.
        NoPlaceError: it is laid out in another way than spreadsheets do.
    """
    with open_archive(content) as archive:
        try:
            parts = _sheet_parts(archive.read(_WORKBOOK), archive.read(_RELATIONS))
            changed = {}
            for title, edit in edits.items():
                utf8, encode = as_utf8(archive.read(parts[title]))
                changed[parts[title]] = encode(replaced(utf8, _sheet_edits(utf8, edit)))
        except (KeyError, ParseError, DefusedXmlException) as error:
            raise NoPlaceError(f"has no sheet where a workbook has it: {error}") from None
        return with_members(archive, changed)


def _sheet_parts(workbook: bytes, relations: bytes) -> dict[str, str]:
    """The part of the archive of each sheet, by title."""
    targets = {each.get("Id"): each.get("Target", "") for each in fromstring(relations)}
    parts = {}
    for sheet in fromstring(workbook).iter():
        if local(sheet.tag.replace("}", ":")) == "sheet":
            relation = next((value for name, value in sheet.attrib.items() if name.endswith("}id")), "")
            target = targets[relation]
            parts[sheet.get("name", "")] = target[1:] if target.startswith("/") else f"xl/{target}"
    return parts


def _sheet_edits(content: bytes, edit: GridEdit) -> Iterator[tuple[int, int, str]]:
    rows = [each for each in find_elements(content, lambda name: local(name) in _WANTED) if local(each.name) == "row"]
    numbered: dict[int, tuple[Element, dict[int, Element]]] = {}
    line = 0
    for row in rows:
        line = int(row.attributes.get("r", line + 1))
        numbered[line] = row, _cells(row)
    filled = (index for _, cells in numbered.values() for index, cell in cells.items() if not cell.is_empty)
    columns = edit.placed(max(filled, default=-1) + 1)
    for number in (edit.header, *edit.values):
        row, cells = numbered[number]
        for name, value in edit.cells(number).items():
            index = columns[name]
            text = _cell(row.prefix, f"{column_letters(index)}{number}", value)
            if index in cells:
                yield cells[index].start, cells[index].end, text
            else:
                # Cells stand in the order of their columns.
                at = min((cell.start for other, cell in cells.items() if other > index), default=row.close)
                yield at, at, text


def _cells(row: Element) -> dict[int, Element]:
    cells, index = {}, -1
    for cell in row.children:
        letters = "".join(filter(str.isalpha, cell.attributes.get("r", "")))
        index = column_index(letters) if letters else index + 1
        cells[index] = cell
    return cells


def _cell(prefix: str, reference: str, value: str) -> str:
    inner = f'<{prefix}is><{prefix}t xml:space="preserve">{escape(value)}</{prefix}t></{prefix}is>'
    return f'<{prefix}c r={quoteattr(reference)} t="inlineStr">{inner}</{prefix}c>'
