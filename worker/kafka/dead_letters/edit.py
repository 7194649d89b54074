"""Edits a job before its replay, with `--edit field=value`. Pure."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas.errors import UsageError
from schemas.job import Job
from schemas.parsing import InvalidJobError, job_document, parse_job

JobCheck = Callable[[Job], object]
"""Raises InvalidJobError for a well-formed job that the worker would refuse, such as an unknown character."""

_REMOVED: Final = object()


@dataclass(frozen=True)
class Edit:
    """One change: the path of a field, outermost name first, and its new value; no value removes the field."""

    path: tuple[str, ...]
    value: Any = _REMOVED

    @classmethod
    def parse(cls, text: str) -> "Edit":
        """Parses `field=value`: the value is JSON if it parses as JSON, else text; a dotted field is nested.

        Raises:
            UsageError: the text has another form.
        """
        field, equals, value = text.partition("=")
        path = tuple(field.strip().split("."))
        if not equals or not all(path):
            raise UsageError(f"--edit {text!a}: allowed is field=value, audio.encoding=MP3, or field= to remove it")
        if not value:
            return cls(path)
        try:
            return cls(path, json.loads(value, parse_constant=_no_constant))
        except (ValueError, RecursionError):
            return cls(path, value)

    def apply(self, document: dict[str, Any]) -> None:
        """Changes a job's document in place, and adds objects that are missing on the path.

        Raises:
            UsageError: the path leads through something that has no fields.
        """
        inside: Any = document
        for depth, name in enumerate(self.path[:-1]):
            if isinstance(inside, dict) and inside.get(name) is None:
                if self.value is _REMOVED:
                    return
                inside[name] = {}
            inside = self._item(inside, name)
            if not isinstance(inside, dict | list):
                raise UsageError(f"{'.'.join(self.path[: depth + 1])}: has no fields of its own")
        last = self.path[-1]
        if isinstance(inside, list):
            self._item(inside, last)
            if self.value is _REMOVED:
                del inside[int(last)]
            else:
                inside[int(last)] = self.value
        elif self.value is _REMOVED:
            inside.pop(last, None)
        else:
            inside[last] = self.value

    def _item(self, inside: Any, name: str) -> Any:
        if isinstance(inside, dict):
            return inside.get(name)
        if not (name.isascii() and name.isdigit() and len(name) < 10 and int(name) < len(inside)):  # noqa: PLR2004
            raise UsageError(f"{'.'.join(self.path)}: {name!a} is none of the {len(inside)} places of its list")
        return inside[int(name)]


def apply_edits(value: bytes | None, edits: Sequence[Edit], max_text_bytes: int, check: JobCheck) -> bytes:
    """The value of a job's record with its fields changed.

    Args:
        value: of the dead letter.
        edits: in the order in which they apply.
        max_text_bytes: the longest `text`, in bytes of UTF-8.
        check: refuses jobs that the worker would refuse.

    Raises:
        UsageError: the value is no JSON object, or the result is no valid job; names the field and its value.
    """
    try:
        document = job_document(value)
    except InvalidJobError:
        raise UsageError("record: is no JSON object, which alone can be edited") from None
    for edit in edits:
        edit.apply(document)
    # ASCII JSON can hold a lone surrogate: the parser then refuses it by its field's name.
    result = json.dumps(document).encode()
    try:
        check(parse_job(result, max_text_bytes=max_text_bytes))
    except InvalidJobError as error:
        raise UsageError(f"{error}; it is so after --edit") from None
    return result


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
