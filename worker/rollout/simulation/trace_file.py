"""Reads and parses a trace's file: a built-in trace by its name, any other by its path."""

from collections.abc import Iterator
from typing import Any, Final

from worker.rollout.plan.checked_file import read_file
from worker.rollout.plan.document import DocumentKind
from worker.rollout.plan.yaml import FieldPath
from worker.rollout.simulation.trace import Trace

BUILT_IN: Final = ("healthy", "chirp_half", "both_ill", "late_12", "late_7", "slow", "one_character", "complaints")


def read_trace_file(argument: str) -> tuple[str, str]:
    """Return a trace's name and text, by its path or by the name of a built-in one.

    Raises:
        InvalidFileError: there is no such file, or it can't be read.
    """
    return read_file("trace", argument, BUILT_IN, "simulation/traces")


def parse_trace(text: str, name: str, catalogue: frozenset[str]) -> Trace:
    """Parse a trace.

    Args:
        text: YAML.
        name: the file's, for the messages.
        catalogue: the keys of all characters.

    Raises:
        InvalidFileError: with all that is wrong.
    """
    return _TRACE_DOCUMENT.parse(text, name, catalogue)[0]


def _character_fields(document: Any) -> Iterator[tuple[FieldPath, object]]:
    if not isinstance(document, dict):
        return
    shifts = document.get("shifts")
    for number, shift in enumerate(shifts if isinstance(shifts, list) else ()):
        names = shift.get("characters") if isinstance(shift, dict) else None
        for index, name in enumerate(names if isinstance(names, list) else ()):
            yield ("shifts", number, "characters", index), name
    shares = document.get("shares")
    for name in shares if isinstance(shares, dict) else ():
        yield ("shares", name), name


_TRACE_DOCUMENT: Final = DocumentKind("trace", Trace, _character_fields)
