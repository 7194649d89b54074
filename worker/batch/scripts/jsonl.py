"""Reads a script from JSON Lines: each line is a job, with `scene` and `takes` as additional fields. Pure."""

import json
from collections.abc import Iterator
from typing import Any

from schemas.job import Job
from worker.batch.scripts.model import Finding, Line, Place, Severity
from worker.batch.scripts.rows import OWN_FIELDS, read_line

_COLUMNS = {name: name for name in (*Job.model_fields, *OWN_FIELDS)}


def read_jsonl(text: str, file: str, max_text_bytes: int) -> Iterator[Line | Finding]:
    """The lines of a JSON Lines file, and the errors in it. Blank lines are skipped.

    Args:
        text: the file's content.
        file: its name in findings.
        max_text_bytes: the longest `text` of a line, in bytes of UTF-8.
    """
    has_lines = False
    # Not splitlines: it also splits at characters that a text may contain.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        has_lines = True
        try:
            document = json.loads(line, object_pairs_hook=_object, parse_constant=_no_constant)
        except json.JSONDecodeError as error:
            yield _wrong(file, number, error.colno, f"is not JSON: {error.msg}")
        except RecursionError:
            yield _wrong(file, number, 1, "is nested too deeply to be a job")
        except ValueError as error:
            yield _wrong(file, number, 1, str(error))
        else:
            if isinstance(document, dict):
                yield from read_line(document, Place(file, number), _COLUMNS, max_text_bytes)
            else:
                yield _wrong(file, number, 1, f"is a JSON {type(document).__name__}; a line is a JSON object")
    if not has_lines:
        yield _wrong(file, 1, 1, "is empty; each line is a job as a JSON object")


def _wrong(file: str, line: int, column: int, message: str) -> Finding:
    return Finding(Severity.ERROR, Place(file, line, str(column)), message)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the field {twice[:60]!a} occurs twice in one object")
    return document


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
