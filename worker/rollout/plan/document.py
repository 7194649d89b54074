"""Checked YAML documents, such as plans and traces: parses one by its model and reports all errors at once. Pure.

Each error names its line, its field and what to write instead.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Generic, Self, TypeVar, get_args

from pydantic import ValidationError

from schemas.errors import UsageError
from worker.rollout.plan.findings import Finding, Severity, format_path
from worker.rollout.plan.units import Part
from worker.rollout.plan.yaml import FieldPath, Source, YamlError, parse_yaml

_SHOWN_CHARACTERS: Final = 80
AnyPart = TypeVar("AnyPart", bound=Part)


class InvalidFileError(UsageError):
    """The file can't be used; the message lists every error with its line and what to write instead.

    `findings` has the same errors one by one; it is empty if the file can't be read at all.
    """

    def __init__(self, message: str, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(message)
        self.findings = findings

    @classmethod
    def from_findings(cls, name: str, findings: Iterable[Finding]) -> Self:
        """Make the error of a file from what is wrong in it."""
        ordered = tuple(sorted(findings, key=lambda each: each.line))
        return cls(";\n".join(f"{name}, {each}" for each in ordered), ordered)


@dataclass(frozen=True)
class DocumentKind(Generic[AnyPart]):
    """A kind of document.

    Attributes:
        name: as messages call it, such as `plan`.
        model: what a document is parsed into.
        character_fields: yields the character keys in a document, with their paths; the document may have any shape.
    """

    name: str
    model: type[AnyPart]
    character_fields: Callable[[Any], Iterator[tuple[FieldPath, object]]]

    def parse(self, text: str, name: str, catalogue: frozenset[str]) -> tuple[AnyPart, Mapping[FieldPath, int]]:
        """Parse a document; returns its content and the line of each of its fields.

        Args:
            text: YAML.
            name: the file's, for the messages.
            catalogue: the keys of all characters.

        Raises:
            InvalidFileError: with all that is wrong.
        """
        try:
            source = parse_yaml(text)
        except YamlError as error:
            raise InvalidFileError.from_findings(name, error.findings) from None
        wrong = [*source.duplicates, *_unknown_characters(source, self.character_fields(source.document), catalogue)]
        try:
            content = self.model.model_validate(source.document)
        except ValidationError as error:
            errors = [each for each in error.errors(include_url=False) if not _is_redundant(each)]
            found = [_finding(self.model, each, source.lines) for each in errors]
            raise InvalidFileError.from_findings(name, [*wrong, *found]) from None
        if wrong:
            raise InvalidFileError.from_findings(name, wrong)
        return content, source.lines


def line_of(lines: Mapping[FieldPath, int], path: FieldPath) -> int:
    """Return the line of a field, or of the nearest enclosing one that is in the file."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _unknown_characters(
    source: Source, named: Iterator[tuple[FieldPath, object]], catalogue: frozenset[str]
) -> Iterator[Finding]:
    # Looked for in the document, not in the model, so that they are reported together with all other errors.
    known = f"the characters are {', '.join(sorted(catalogue))}"
    for path, name in named:
        if isinstance(name, str) and name not in catalogue:
            near = get_close_matches(name, sorted(catalogue), n=1)
            suggestion = f"write {near[0]}" if near else known
            line = line_of(source.lines, path)
            yield Finding(Severity.WRONG, line, format_path(path), f"{_shown(name)} is no character", suggestion)


def _is_redundant(error: Any) -> bool:
    # If all entries of a list are wrong, pydantic also reports the list as too short.
    return bool(error["type"] == "too_short" and error["input"])


def _finding(model: type[Part], error: Any, lines: Mapping[FieldPath, int]) -> Finding:
    path = tuple(error["loc"])
    message, suggestion = _explain(model, error, path)
    return Finding(Severity.WRONG, line_of(lines, path), format_path(path), message, suggestion)


def _explain(model: type[Part], error: Any, path: FieldPath) -> tuple[str, str]:
    """Write a validation error of pydantic as message and suggestion."""
    value, kind = error["input"], error["type"]
    if kind == "missing":
        return "is missing", f"write {path[-1]}: …"
    if kind == "extra_forbidden":
        known = sorted(_fields_at(model, path[:-1]))
        near = get_close_matches(str(path[-1]), known, n=1)
        return "there is no such field", f"write {near[0]}" if near else f"the fields are {', '.join(known)}"
    if kind == "model_type" or (kind == "tuple_type" and value is None):
        return f"is {_shown(value)}", "it has fields or entries of its own; leave it out for the default"
    text = str(error["msg"]).removeprefix("Value error, ")
    message = f"{text[:1].lower()}{text[1:]}"
    # A check of several fields names the one that is wrong; its input is the whole part.
    shown = message if isinstance(value, dict) else f"{_shown(value)}: {message}"
    return shown, f'in quotes: "{value}"' if kind == "string_type" and isinstance(value, int | float) else ""


def _shown(value: object) -> str:
    shown = "nothing" if value is None else repr(value)
    return shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[:_SHOWN_CHARACTERS]}…"


def _fields_at(model: type[Part], path: FieldPath) -> frozenset[str]:
    part = model
    for each in path:
        if isinstance(each, int):
            continue
        field = part.model_fields.get(each)
        part = next(_parts(field.annotation), part) if field else part
    return frozenset(part.model_fields)


def _parts(annotation: Any) -> Iterator[type[Part]]:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    for each in get_args(annotation):
        yield from _parts(each)
