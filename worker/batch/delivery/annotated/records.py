"""Adds the audio to the records of JSON and JSON Lines. Pure."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from worker.batch.delivery.annotated.model import NoPlaceError
from worker.batch.scripts.tables.articy import is_articy
from worker.batch.scripts.tables.ink import is_ink
from worker.batch.scripts.tables.twine import is_twine

Fields = Mapping[int, Mapping[str, str]]
"""What records get by name, by the record's number or its line's, from 1."""


def record_names(text: str) -> set[str]:
    """The names of a JSON document's records' fields.

    Raises:
        NoPlaceError: it has no records.
    """
    return {name for record in _records(json.loads(text)) for name in record}


def edit_json(text: str, values: Fields) -> str:
    """The document, indented by two spaces, with the fields.

    Raises:
        NoPlaceError: it has no records.
    """
    document = json.loads(text)
    for number, record in enumerate(_records(document), start=1):
        record.update(values.get(number, {}))
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def edit_json_lines(text: str, values: Fields) -> str:
    """The text with the fields; `labels.NAME` is a field of the record's own object `labels`."""
    lines = text.split("\n")
    for number, fields in values.items():
        record = json.loads(lines[number - 1])
        for name, value in fields.items():
            outer, dot, inner = name.partition(".")
            (record.setdefault(outer, {}) if dot else record)[inner if dot else name] = value
        ending = "\r" if lines[number - 1].endswith("\r") else ""
        lines[number - 1] = json.dumps(record, ensure_ascii=False) + ending
    return "\n".join(lines)


def _records(document: Any) -> Iterable[dict[str, Any]]:
    for is_kind, message in (
        (is_ink, "a story that ink has compiled has no place for audio: its tags stand in ink's own source"),
        (is_twine, "Twine's JSON is an export: no tool reads it back"),
        (is_articy, "articy's JSON is an export: articy doesn't read it back"),
    ):
        if is_kind(document):
            raise NoPlaceError(message)
    records = list(document.values()) if isinstance(document, dict) else document
    if not all(isinstance(each, dict) for each in records):
        raise NoPlaceError("texts by their ids have no place for a second value")
    return records
