"""Reads JSON: exports of ink, Twine and articy by their content, else records of any fields. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from worker.batch.scripts.model import Finding, Place, Severity
from worker.batch.scripts.tables.articy import is_articy, read_articy
from worker.batch.scripts.tables.ink import is_ink, read_ink
from worker.batch.scripts.tables.model import IsKnown, Row, Table
from worker.batch.scripts.tables.twine import is_twine, read_twine
from worker.batch.scripts.tables.units import broken_file, unit_row, unit_table

KEY: Final = "key"
"""The column of a record's name, where records stand in an object."""
_TEXT: Final = "text"
_KINDS: Final = ((is_ink, read_ink), (is_twine, read_twine), (is_articy, read_articy))
_DEEPEST: Final = 4
_MOST_ITEMS: Final = 100
"""Of an inner list, each a column of its own."""
_NAMES: Final = ("Name", "Key", "key", "id", "Id", "ID", "name")


def read_json(text: str, file: str, _is_known: IsKnown) -> Table:
    """The texts of a JSON document: a list of objects, an object of objects, or an object of texts by id."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        return broken_file(file, "JSON", f"is not JSON: {error.msg} (column {error.colno})", error.lineno)
    except (RecursionError, ValueError) as error:
        return broken_file(file, "JSON", f"is JSON that can't be read: {str(error)[:100]}")
    for is_kind, read in _KINDS:
        if is_kind(document):
            return read(document, file)
    return _records_table(document, file)


def read_json_lines(text: str, file: str, _is_known: IsKnown) -> Table:
    """The objects of a JSON Lines file, as records."""
    rows: list[Row | Finding] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (RecursionError, ValueError) as error:
            rows.append(Finding(Severity.ERROR, Place(file, number, "1"), f"is not JSON: {str(error)[:100]}"))
            continue
        if isinstance(record, dict):
            rows.append(unit_row(file, number, "", dict(_flat(record))))
        else:
            rows.append(Finding(Severity.ERROR, Place(file, number, "1"), "is no JSON object"))
    return unit_table(file, "JSON Lines", _columns(rows), rows, roles={})


def _records_table(document: Any, file: str) -> Table:
    roles = {}
    records: list[Mapping[str, Any]]
    if isinstance(document, list) and document and all(isinstance(each, dict) for each in document):
        records = document
    elif isinstance(document, dict) and document and all(isinstance(each, str) for each in document.values()):
        records = [{KEY: name, _TEXT: value} for name, value in document.items()]
        roles = {"job_id": KEY, "text": _TEXT}
    elif isinstance(document, dict) and document and all(isinstance(each, dict) for each in document.values()):
        records = [{KEY: name, **value} for name, value in document.items()]
        roles = {"job_id": KEY}
    else:
        known = "an export of ink, Twine or articy, a list of objects, an object of objects, or texts by their ids"
        return broken_file(file, "JSON", f"is JSON of another kind; what can be read is {known}")
    rows: list[Row | Finding] = []
    for number, record in enumerate(records, start=1):
        fields = dict(_flat(record))
        unit = next((fields[name] for name in (KEY, *_NAMES) if fields.get(name)), f"record {number}")
        rows.append(unit_row(file, number, unit, fields))
    return unit_table(file, "JSON", _columns(rows), rows, roles=roles)


def _columns(rows: list[Row | Finding]) -> list[str]:
    return list(dict.fromkeys(name for row in rows if isinstance(row, Row) for name in row.fields))


def _flat(record: Mapping[str, Any], before: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Fields and their texts; those of an inner object have dotted names."""
    for name, value in record.items():
        if isinstance(value, dict) and depth < _DEEPEST:
            yield from _flat(value, f"{before}{name}.", depth + 1)
        elif isinstance(value, str):
            yield f"{before}{name}", value
        elif isinstance(value, list) and all(isinstance(each, str) for each in value):
            yield f"{before}{name}", ", ".join(value)
        elif isinstance(value, list) and depth < _DEEPEST:
            inner = {str(index): each for index, each in enumerate(value[:_MOST_ITEMS])}
            yield from _flat(inner, f"{before}{name}.", depth + 1)
        elif isinstance(value, bool | int | float):
            yield f"{before}{name}", json.dumps(value)
