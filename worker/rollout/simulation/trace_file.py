"""A trace's file: finds it, and says of all that is wrong in it in which line, and what is allowed."""

from collections.abc import Iterator
from typing import Any, Final

from worker.rollout.plan.checked_file import Kind
from worker.rollout.plan.yaml import FieldPath
from worker.rollout.simulation.trace import Trace

BUILT_IN: Final = ("healthy", "chirp_half", "both_ill", "late_12", "late_7", "slow", "one_character")


def find_trace(argument: str) -> tuple[str, str]:
    """A trace's name and text, by its path or by the name of a built-in one.

    Raises:
        InvalidFileError: there is no such file, or it can't be read.
    """
    return _TRACE.find(argument)


def read_trace(text: str, name: str, catalogue: frozenset[str]) -> Trace:
    """Reads a trace.

    Args:
        text: YAML.
        name: of the file, for the messages.
        catalogue: the keys of all characters.

    Raises:
        InvalidFileError: with all that is wrong.
    """
    return _TRACE.read(text, name, catalogue)[0]


def _named(document: Any) -> Iterator[tuple[FieldPath, object]]:
    if not isinstance(document, dict):
        return
    shifts = document.get("shifts")
    for number, shift in enumerate(shifts if isinstance(shifts, list) else ()):
        names = shift.get("characters") if isinstance(shift, dict) else None
        for place, name in enumerate(names if isinstance(names, list) else ()):
            yield ("shifts", number, "characters", place), name
    shares = document.get("shares")
    for name in shares if isinstance(shares, dict) else ():
        yield ("shares", name), name


_TRACE: Final = Kind("trace", Trace, BUILT_IN, "simulation/traces", _named)
