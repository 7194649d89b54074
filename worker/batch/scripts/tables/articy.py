"""Reads articy:draft's JSON export: the dialogue fragments of its packages. Pure."""

from collections.abc import Iterator
from typing import Any, Final

from worker.batch.scripts.tables.model import Row, Table
from worker.batch.scripts.tables.units import unit_row, unit_table

_COLUMNS: Final = ("id", "articy_id", "character", "text", "menu_text", "direction", "dialogue", "type")


def is_articy(document: Any) -> bool:
    """Whether a JSON document is an export of articy."""
    return isinstance(document, dict) and any(isinstance(document.get(name), list) for name in ("Packages", "Objects"))


def read_articy(document: dict[str, Any], file: str) -> Table:
    """The models that have a text and a speaker, in the export's order.

    The id is the technical name. The character is the speaker's display name where the export has the entity, else its
    technical name or id.
    """
    models = [
        model
        # articy X writes the models of a package into a file of their own.
        for package in [*(document.get("Packages") or []), {"Models": document.get("Objects")}]
        if isinstance(package, dict)
        for model in package.get("Models") or []
        if isinstance(model, dict) and isinstance(model.get("Properties"), dict)
    ]
    names = {_text(model, "Id"): _text(model, "DisplayName") or _text(model, "TechnicalName") for model in models}
    rows = list(_rows(models, names, file))
    roles = {"job_id": "id", "character": "character", "text": "text", "scene": "dialogue"}
    return unit_table(file, "articy JSON", _COLUMNS, rows, roles=roles)


def _rows(models: list[dict[str, Any]], names: dict[str, str], file: str) -> Iterator[Row]:
    number = 0
    for model in models:
        if "Text" not in model["Properties"] or "Speaker" not in model["Properties"]:
            continue
        number += 1
        speaker = _text(model, "Speaker")
        name = _text(model, "TechnicalName") or _text(model, "Id")
        fields = {
            "id": name,
            "articy_id": _text(model, "Id"),
            "character": names.get(speaker) or speaker,
            "text": _text(model, "Text"),
            "menu_text": _text(model, "MenuText"),
            "direction": _text(model, "StageDirections"),
            "dialogue": names.get(_text(model, "Parent")),
            "type": str(model.get("Type", "")),
        }
        yield unit_row(file, number, name or f"model {number}", fields)


def _text(model: dict[str, Any], name: str) -> str:
    value = model["Properties"].get(name)
    return value if isinstance(value, str) else ""
