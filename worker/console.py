"""Tables and JSON for people and scripts, on standard output."""

import json
from collections.abc import Mapping, Sequence

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from worker.settings import Settings, variables

_DAY_MS = 24 * 60 * 60 * 1000


def show(rows: Sequence[Mapping[str, object]], *, as_json: bool, nothing: str = "Nothing.") -> None:
    """Shows rows that have the same columns.

    Args:
        rows: what to show.
        as_json: as a JSON array instead of a table.
        nothing: what the table says where there are no rows.
    """
    console = _console()
    if as_json:
        console.out(json.dumps(list(rows), indent=2, ensure_ascii=False), highlight=False)
        return
    if not rows:
        console.print(nothing)
        return
    table = Table(box=None, header_style="bold")
    for column in rows[0]:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console.print(table)


def show_one(row: Mapping[str, object], *, as_json: bool) -> None:
    """Shows one thing, a line a field."""
    if as_json:
        _console().out(json.dumps(row, indent=2, ensure_ascii=False), highlight=False)
        return
    show([{"": name, " ": value} for name, value in row.items()], as_json=False)


def settings_rows(settings: Settings) -> list[dict[str, object]]:
    """Every setting: variable, value, what is allowed; secrets masked."""
    rows: list[dict[str, object]] = []
    for name in type(settings).model_fields:
        part = getattr(settings, name)
        for variable, field in variables(type(part)).items():
            allowed = type(part).model_fields[field].description
            rows.append({"variable": variable, "value": _shown(variable, getattr(part, field)), "allowed": allowed})
    return rows


def retention(milliseconds: int) -> str:
    """A topic's retention in words."""
    return "for ever" if milliseconds < 0 else f"{milliseconds // _DAY_MS} days"


def _shown(variable: str, value: object) -> str:
    if value is None:
        return "(unset)"
    if isinstance(value, SecretStr):
        return "***"
    if isinstance(value, frozenset):
        return ",".join(sorted(value)) or "(empty)"
    if isinstance(value, bool):
        return str(value).lower()
    if variable == "CHIRP3_ROLLOUT_PERCENTAGE" and isinstance(value, int):
        return f"{value / 100:g}"
    return str(value) or "(empty)"


def _console() -> Console:
    console = Console(highlight=False)
    # Into a pipe or a file goes the whole width, not what a terminal of 80 columns would hold.
    return console if console.is_terminal else Console(highlight=False, width=200)
