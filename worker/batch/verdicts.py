"""The verdicts of a script: what was said of each line's take. A JSON file beside the script, from the report's page.

{"script": "lines.csv", "verdicts": [{"line": "intro-2", "verdict": "redo", "note": "too fast", "take": 1, ...}]}
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from schemas.errors import UsageError
from schemas.field_types import Name
from schemas.message import Request
from schemas.parsing import InvalidJobError, field_problems, record_document
from schemas.verdict import LineVerdict, Verdict
from worker.batch.atomic_file import replace_file
from worker.batch.regular_file import read_regular, real_path

SUFFIX: Final = ".verdicts.json"
LARGEST_BYTES: Final = 64 * 2**20
"""A larger file isn't read: 20,000 lines with the longest notes have less."""
_WHAT: Final = "file of verdicts"


class VerdictsFile(Request):
    """The whole file; `script` is the name of the script's file, without its folder."""

    script: Name
    verdicts: tuple[LineVerdict, ...]


def verdicts_path(script: Path) -> Path:
    """The path of a script's verdicts: beside the script, with its name."""
    path = real_path(script)
    return path.with_name(f"{path.name}{SUFFIX}")


def read_verdicts(path: Path) -> dict[str, LineVerdict]:
    """The verdicts by line.

    Raises:
        UsageError: the file isn't there, can't be read, is too large, or holds something else; the message names file,
            field, value and what is allowed.
    """
    try:
        content = read_regular(path, LARGEST_BYTES, follow=True)
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {error.strerror}") from None
    return _by_line(path, _parse(path, content).verdicts)


def write_verdicts(path: Path, script: str, verdicts: Iterable[LineVerdict]) -> None:
    """Replaces the file atomically, with a line for each verdict; the same verdicts give the same bytes.

    Args:
        script: the name of its file.

    Raises:
        OSError: the file can't be written.
    """
    ordered = sorted(verdicts, key=lambda each: each.line)
    rows = [json.dumps(each.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False) for each in ordered]
    text = f'{{"script": {json.dumps(script, ensure_ascii=False)}, "verdicts": [\n' + ",\n".join(rows) + "\n]}\n"
    replace_file(path, text.encode("utf-8", "backslashreplace"))


def merge_verdicts(known: Mapping[str, LineVerdict], given: Iterable[Verdict], script: str) -> dict[str, LineVerdict]:
    """A file's verdicts with those of the console. Of a line the later one counts, also where it takes one back.

    Args:
        known: by line. One without a time was written by hand, and stays.
        given: in the order of their topic, of all scripts.
        script: the name of the script's file.
    """
    last = {each.line: each for each in given if each.script == script}
    merged = dict(known)
    for line, each in last.items():
        present = known.get(line)
        if present is not None and (present.at is None or present.at >= each.at):
            continue
        if (on_line := each.on_line) is not None:
            merged[line] = on_line
        else:
            merged.pop(line, None)
    return merged


def _parse(path: Path, content: bytes) -> VerdictsFile:
    try:
        return VerdictsFile.model_validate(record_document(content, _WHAT))
    except InvalidJobError as error:
        raise UsageError(f"{path}: {error}") from None
    except ValidationError as error:
        problem = next(field_problems(error, VerdictsFile, f"a {_WHAT}", {"verdicts": LineVerdict}))
        # A check of a whole verdict names its field itself.
        raise UsageError(f"{path}: {problem.field}: {problem.message}") from None


def _by_line(path: Path, verdicts: Iterable[LineVerdict]) -> dict[str, LineVerdict]:
    found: dict[str, LineVerdict] = {}
    for number, each in enumerate(verdicts):
        if each.line in found:
            raise UsageError(f"{path}: verdicts.{number}.line={each.line[:100]!a}: stands twice; allowed is once")
        found[each.line] = each
    return found
