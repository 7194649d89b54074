"""Converts the rows of a script to lines: the known columns, the values of cells, and the job of each row. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from schemas.job import Job
from schemas.parsing import InvalidJobError, validate_job
from worker.batch.scripts.model import MOST_TAKES, Finding, Line, Place, RefusedRow, Severity, column_of

SCENE: Final = "scene"
TAKES: Final = "takes"
OWN_FIELDS: Final = (SCENE, TAKES)
"""Fields of a script that no job has."""
REQUIRED: Final = ("job_id", "character")
COLUMNS: Final = (
    *(name for name in Job.model_fields if name not in {"audio", "labels"}),
    "audio.encoding",
    "audio.sample_rate",
    "labels",
    *OWN_FIELDS,
)
"""The names of a CSV file's columns; `labels.NAME` is allowed too."""
_LABEL: Final = "labels."
_NUMBERS: Final = frozenset({"speaking_rate", "pitch", "volume_gain_db"})
_WHOLE_NUMBERS: Final = frozenset({"take", TAKES, "audio.sample_rate"})
_JSON: Final = frozenset({"pronunciations", "labels"})
_VERBATIM: Final = frozenset({"text", "ssml"})
_SCENE_CHARACTERS: Final = 256


def is_column(name: str) -> bool:
    """Whether a CSV file may have a column of this name."""
    return name in COLUMNS or is_label(name)


def is_label(name: str) -> bool:
    """Whether a column's name is `labels.NAME`."""
    return name.startswith(_LABEL) and len(name) > len(_LABEL)


def cell_value(column: str, cell: str) -> Any:
    """The value of a cell that isn't empty, in the type of the job's field.

    Raises:
        ValueError: the column holds numbers or JSON, and the cell is not one.
    """
    if column in _VERBATIM or column.startswith(_LABEL):
        return cell
    text = cell.strip()
    if column in _NUMBERS:
        try:
            return float(text)
        except ValueError:
            raise ValueError(f"{text[:40]!a} is no number such as 1.25{_meant(text)}") from None
    if column in _WHOLE_NUMBERS:
        # Spreadsheets write whole numbers so.
        text = text.removesuffix(".0")
        if not (text.isascii() and text.isdecimal() and len(text) < 10):  # noqa: PLR2004  # far above each limit
            raise ValueError(f"{text[:40]!a} is no whole number")
        return int(text)
    if column in _JSON:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError(f"{text[:40]!a} is no JSON") from None
    return text


def _meant(text: str) -> str:
    """The number that a decimal comma or a percentage stands for, as a question."""
    number = text.replace(",", ".", 1).removesuffix("%").strip()
    try:
        value = float(number) / (100 if text.endswith("%") else 1)
    except ValueError:
        return ""
    return f"; did you mean {value:g}?"


def nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The nested document of a job, from columns with dotted names."""
    document: dict[str, Any] = {}
    for name, value in fields.items():
        outer, dot, inner = name.partition(".")
        if not dot:
            document[name] = {**value, **document.get(name, {})} if isinstance(value, dict) else value
            continue
        within = document.setdefault(outer, {})
        if isinstance(within, dict):
            within[inner] = value
    return document


def read_line(
    document: dict[str, Any], place: Place, columns: Mapping[str, str], max_text_bytes: int
) -> Iterator[Line | Finding]:
    """The line of a row, or all its errors.

    Args:
        document: the fields of a job, `scene` and `takes`.
        place: where the row begins.
        columns: the file's names by field.
        max_text_bytes: the longest `text`, in bytes of UTF-8.
    """
    fields = dict(document)
    scene, takes = fields.pop(SCENE, None), fields.pop(TAKES, None)
    job_id = fields.get("job_id")
    line_id = job_id if isinstance(job_id, str) else None

    def wrong(field: str, message: str) -> Finding:
        at = Place(place.file, place.line, column_of(field, columns))
        return Finding(Severity.ERROR, at, message, line_id)

    scene_is_good = scene is None or (isinstance(scene, str) and 0 < len(scene) <= _SCENE_CHARACTERS)
    if not scene_is_good:
        yield wrong(SCENE, f"{ascii(scene)[:60]}: a scene is a text of 1 to {_SCENE_CHARACTERS} characters")
    takes_is_good = takes is None or (type(takes) is int and 0 < takes <= MOST_TAKES)
    if not takes_is_good:
        yield wrong(TAKES, f"{ascii(takes)[:60]}: takes is a whole number from 1 to {MOST_TAKES}")
    try:
        job = validate_job(fields, max_text_bytes=max_text_bytes)
    except InvalidJobError as error:
        by_text_alone = {problem.field for problem in error.problems} == {"text"} and isinstance(
            fields.get("text"), str
        )
        row = RefusedRow(document, columns) if by_text_alone and scene_is_good and takes_is_good else None
        for problem in error.problems:
            message = problem.message
            if problem.field == "language" and "match pattern" in message:
                message = f"{message.partition(':')[0]}: is no language's tag, such as en-US, zh-TW or zh-Hant"
            yield replace(wrong(problem.field, message), row=row)
        return
    if scene_is_good and takes_is_good:
        yield Line(job, scene, place, columns, takes)
