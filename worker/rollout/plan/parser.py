"""Parses a plan's YAML into a `Plan`, and keeps the line of each field for messages. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from worker.rollout.plan.document import DocumentKind, line_of
from worker.rollout.plan.findings import Finding, Severity, format_path
from worker.rollout.plan.model import Plan
from worker.rollout.plan.yaml import FieldPath


@dataclass(frozen=True)
class PlanFile:
    """A plan with its text, the name of its file, and the line of each of its fields."""

    name: str
    text: str
    plan: Plan
    lines: Mapping[FieldPath, int]

    def line(self, *path: str | int) -> int:
        """Return the line of a field, or of the nearest enclosing one that is in the file."""
        return line_of(self.lines, path)

    def finding(self, severity: Severity, path: FieldPath, message: str, suggestion: str = "") -> Finding:
        """Make a finding about a field, with its line."""
        return Finding(severity, self.line(*path), format_path(path), message, suggestion)


def parse_plan(text: str, name: str, catalogue: frozenset[str]) -> PlanFile:
    """Parse a plan.

    Args:
        text: YAML.
        name: the file's, for the messages.
        catalogue: the keys of all characters.

    Raises:
        InvalidFileError: with all that is wrong.
    """
    return PlanFile(name, text, *_PLAN_DOCUMENT.parse(text, name, catalogue))


def _character_fields(document: Any) -> Iterator[tuple[FieldPath, object]]:
    if not isinstance(document, dict):
        return
    stages = document.get("stages")
    for number, stage in enumerate(stages if isinstance(stages, list) else ()):
        names = stage.get("characters") if isinstance(stage, dict) else None
        for index, name in enumerate(names if isinstance(names, list) else ()):
            yield ("stages", number, "characters", index), name
    expects = document.get("expects")
    shares = expects.get("shares") if isinstance(expects, dict) else None
    for name in shares if isinstance(shares, dict) else ():
        yield ("expects", "shares", name), name


_PLAN_DOCUMENT: Final = DocumentKind("plan", Plan, _character_fields)
