"""Mends what was wrong with a job before it is replayed: `field=value`. Pure."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas.errors import UsageError
from schemas.job import Job
from schemas.parsing import InvalidJobError, parse_job

Check = Callable[[Job], object]
"""Raises InvalidJobError for what a job may not be, though it is one, such as an unknown character."""

_REMOVED: Final = object()


@dataclass(frozen=True)
class Edit:
    """One field of a job, nested ones in their order, and its new value; without one the field is removed."""

    path: tuple[str, ...]
    value: Any = _REMOVED

    @classmethod
    def parse(cls, text: str) -> "Edit":
        """Reads `field=value`: the value as JSON if it is, else as text; `audio.encoding=MP3` goes inside.

        Raises:
            UsageError: it isn't of that form.
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
        """Changes a job's document in place; objects on the way that are missing are made.

        Raises:
            UsageError: there is something else on the way.
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


def edited(value: bytes | None, edits: Sequence[Edit], max_text_bytes: int, check: Check) -> bytes:
    """A job's record with its fields changed.

    Args:
        value: of the record, as it came.
        edits: the changes, in their order.
        max_text_bytes: the longest `text`, in bytes of UTF-8.
        check: says no to what the worker would refuse besides.

    Raises:
        UsageError: it holds no JSON object, or the result is no valid job; names the field and its value.
    """
    try:
        document = json.loads((value or b"").decode())
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UsageError("record: is no JSON object, which alone can be edited")
    for edit in edits:
        edit.apply(document)
    # In ASCII even a lone surrogate can be written, and is then refused by its field's name.
    result = json.dumps(document).encode()
    try:
        check(parse_job(result, max_text_bytes=max_text_bytes))
    except InvalidJobError as error:
        raise UsageError(f"{error}; it is so after --edit") from None
    return result


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
