"""Adds a note with the audio to the units of XLIFF 1.2 and 2.0; all else of the file stays. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final
from xml.sax.saxutils import escape  # writes XML

from worker.batch.delivery.annotated.xml_spans import Element, as_utf8, find_elements, local, replaced

AUDIO: Final = "audio: "
"""How a note, or a comment, about the audio begins."""
_UNITS: Final = frozenset({"trans-unit", "unit"})
_BEFORE_NOTE: Final = frozenset({"source", "seg-source", "target"})
_AFTER_NOTES: Final = frozenset({"originalData", "segment", "ignorable"})
_WANTED: Final = _UNITS | _BEFORE_NOTE | _AFTER_NOTES | {"notes", "note", "alt-trans"}


def edit_xliff(content: bytes, values: Mapping[int, str]) -> bytes:
    """The file with the notes; those of an earlier delivery are replaced.

    Args:
        values: by the unit's number in the file, from 1.

    Raises:
        NoPlaceError: it is no well-formed XML.
    """
    utf8, encode = as_utf8(content)
    elements = find_elements(utf8, lambda name: local(name) in _WANTED)
    units = [each for each in elements if local(each.name) in _UNITS]
    edits = [
        edit
        for number, unit in enumerate(units, start=1)
        if number in values
        for edit in _unit_edits(utf8, unit, values[number])
    ]
    return encode(replaced(utf8, edits))


def _unit_edits(content: bytes, unit: Element, value: str) -> Iterator[tuple[int, int, str]]:
    groups = [each for each in unit.children if local(each.name) == "notes"]
    for note in (*unit.children, *(each for group in groups for each in group.children)):
        if local(note.name) == "note" and content.startswith(AUDIO.encode(), note.inner):
            yield note.start, note.end, ""
    text = f"<{unit.prefix}note>{escape(AUDIO + value)}</{unit.prefix}note>"
    if local(unit.name) == "trans-unit":
        at = max((each.end for each in unit.children if local(each.name) in _BEFORE_NOTE), default=unit.inner)
    elif groups and not groups[0].is_empty:
        at = groups[0].close
    else:
        at = min((each.start for each in unit.children if local(each.name) in _AFTER_NOTES), default=unit.inner)
        text = f"<{unit.prefix}notes>{text}</{unit.prefix}notes>"
    yield at, at, text
