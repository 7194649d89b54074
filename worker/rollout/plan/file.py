"""A plan's file: finds it, reads it, and says of all that is wrong in it in which line, and what is allowed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from worker.rollout.plan.checked_file import Kind, line_of
from worker.rollout.plan.model import Plan
from worker.rollout.plan.yaml import FieldPath

BUILT_IN: Final = ("staging", "production")


@dataclass(frozen=True)
class PlanFile:
    """A plan's text, where it came from, and in which line each of its fields stands."""

    name: str
    text: str
    plan: Plan
    lines: Mapping[FieldPath, int]

    def line(self, *path: str | int) -> int:
        """The line of a field, or of the nearest one around it that is there."""
        return line_of(self.lines, path)


def find_plan(argument: str) -> tuple[str, str]:
    """A plan's name and text, by its path or by the name of a built-in one.

    Raises:
        InvalidFileError: there is no such file, or it can't be read.
    """
    return _PLAN.find(argument)


def read_plan(text: str, name: str, catalogue: frozenset[str]) -> PlanFile:
    """Reads a plan.

    Args:
        text: YAML.
        name: of the file, for the messages.
        catalogue: the keys of all characters.

    Raises:
        InvalidFileError: with all that is wrong.
    """
    return PlanFile(name, text, *_PLAN.read(text, name, catalogue))


def _named(document: Any) -> Iterator[tuple[FieldPath, object]]:
    if not isinstance(document, dict):
        return
    stages = document.get("stages")
    for number, stage in enumerate(stages if isinstance(stages, list) else ()):
        names = stage.get("characters") if isinstance(stage, dict) else None
        for place, name in enumerate(names if isinstance(names, list) else ()):
            yield ("stages", number, "characters", place), name
    expects = document.get("expects")
    shares = expects.get("shares") if isinstance(expects, dict) else None
    for name in shares if isinstance(shares, dict) else ():
        yield ("expects", "shares", name), name


_PLAN: Final = Kind("plan", Plan, BUILT_IN, "plan/built_in", _named)
