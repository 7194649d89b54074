"""Reads XLIFF 1.2 and 2.0 (OASIS), the exchange format of translators. Pure."""

import io
from collections.abc import Iterator
from typing import Any, Final
from xml.sax import SAXException
from xml.sax.handler import ContentHandler, feature_namespaces

from defusedxml import DefusedXmlException
from defusedxml.sax import make_parser

from worker.batch.scripts.tables.model import IsKnown, Row, Table
from worker.batch.scripts.tables.units import broken_file, unit_row, unit_table

_UNITS: Final = {"trans-unit", "unit"}
_TEXTS: Final = {"source", "target"}
# What is inside of these is a tool's code or an alternative, no text of the unit.
_LEFT_OUT: Final = {"alt-trans", "seg-source", "bpt", "ept", "it", "originalData", "matches", "glossary", "metadata"}
_PLACEHOLDERS: Final = {"x", "ph"}
_EQUIVALENTS: Final = ("equiv-text", "equiv", "disp")
_NOTES: Final = {
    "speaker": frozenset({"speaker", "character", "actor", "voice"}),
    "direction": frozenset({"direction", "directions", "emotion", "stage direction", "vo direction"}),
}
_FORM: Final = "XLIFF"


def read_xliff(content: bytes, file: str, _is_known: IsKnown) -> Table:
    """The units, of one or several segments. The text is the target, or the source where no unit has a target.

    A placeholder is given as its equivalent text, else as its id in braces.
    """
    units = _Units()
    parser = make_parser()
    parser.setFeature(feature_namespaces, 1)
    parser.setContentHandler(units)
    try:
        parser.parse(io.BytesIO(content))
    except DefusedXmlException:
        return broken_file(file, _FORM, "declares entities, which XLIFF has not: remove the DTD")
    except (SAXException, ValueError, LookupError) as error:
        line = getattr(error, "getLineNumber", lambda: 1)() or 1
        reason = error.getMessage() if isinstance(error, SAXException) else str(error)
        return broken_file(file, _FORM, f"is no well-formed XML: {reason[:100]}", line)
    if units.version is None:
        return broken_file(file, _FORM, "is XML of another kind: the outermost element of XLIFF is xliff")
    translated = any(unit.get("target") for unit in units.read)
    columns = ("id", "name", "source", "target", *_NOTES, "note", "state", "file")
    roles = {"job_id": "name" if units.read and all(unit.get("name") for unit in units.read) else "id"}
    roles["text"] = "target" if translated else "source"
    if any(unit.get("speaker") for unit in units.read):
        roles["character"] = "speaker"
    language = units.target_language if translated else units.source_language
    form = f"{_FORM} {units.version[:10]}"
    return unit_table(file, form, columns, _rows(units.read, file), roles=roles, language=language)


def _rows(units: list[dict[str, str]], file: str) -> Iterator[Row]:
    for number, unit in enumerate(units, start=1):
        yield unit_row(file, number, unit.get("name") or unit.get("id") or f"unit {number}", unit)


class _Units(ContentHandler):
    """Collects the units. Elements of other namespaces are taken for those of the same name."""

    def __init__(self) -> None:
        super().__init__()
        self.version: str | None = None
        self.source_language: str | None = None
        self.target_language: str | None = None
        self.read: list[dict[str, str]] = []
        self._file = ""
        self._unit: dict[str, str] | None = None
        self._into: str | None = None
        self._left_out = 0

    def startElementNS(self, name: tuple[str | None, str], _qname: str | None, attrs: Any) -> None:  # noqa: N802
        element = name[1]
        given = {key[1]: value for key, value in attrs.items()}
        if element == "xliff":
            self.version = given.get("version", "of no version")
            self._languages(given.get("srcLang"), given.get("trgLang"))
        elif element == "file":
            self._file = given.get("original") or given.get("id") or ""
            self._languages(given.get("source-language"), given.get("target-language"))
        elif element in _UNITS:
            names = {
                "id": given.get("id", ""),
                "name": given.get("resname") or given.get("name") or "",
                "file": self._file,
            }
            self._unit = names
        elif element in _LEFT_OUT:
            self._left_out += 1
        elif self._unit is not None and not self._left_out:
            self._inside(element, given)

    def _inside(self, element: str, given: dict[str, str]) -> None:
        if self._unit is None:
            return
        if element in _TEXTS:
            self._into = element
        elif element == "note":
            # Who speaks, and how, has no element of its own.
            category = (given.get("category") or given.get("from") or "").casefold()
            self._into = next((name for name, words in _NOTES.items() if category in words), "note")
            if self._unit.get(self._into):
                self._unit[self._into] += "\n"
        elif element == "lb" or (element in _PLACEHOLDERS and given.get("ctype") == "lb"):
            self._add("\n")
        elif element in _PLACEHOLDERS and self._into:
            shown = next((given[each] for each in _EQUIVALENTS if given.get(each)), None)
            if shown or element == "x" or "dataRef" in given:
                self._add(shown or f"{{{given.get('id', '')}}}")
                # Its content is the native code of the same placeholder.
        elif element == "segment" and given.get("state"):
            self._unit["state"] = given["state"]
        if element == "target" and given.get("state"):
            self._unit["state"] = given["state"]

    def endElementNS(self, name: tuple[str | None, str], _qname: str | None) -> None:  # noqa: N802
        element = name[1]
        if element in _LEFT_OUT:
            self._left_out -= 1
        elif element in _UNITS and self._unit is not None:
            self.read.append(self._unit)
            self._unit = self._into = None
        elif element in _TEXTS or element == "note":
            self._into = None

    def characters(self, content: str) -> None:
        if self._into and not self._left_out:
            self._add(content)

    def _add(self, text: str) -> None:
        if self._unit is not None and self._into is not None:
            self._unit[self._into] = self._unit.get(self._into, "") + text

    def _languages(self, source: str | None, target: str | None) -> None:
        self.source_language = source or self.source_language
        self.target_language = target or self.target_language
