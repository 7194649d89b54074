"""Files that people write, YAML by a model: finds one, reads it, and says in which line what is wrong, all at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any, Final, Generic, Self, TypeVar, get_args

from pydantic import ValidationError

from schemas.errors import UsageError
from worker.rollout.plan.findings import Finding, Severity, field_path
from worker.rollout.plan.units import Part
from worker.rollout.plan.yaml import FieldPath, Source, YamlError, read_yaml

LARGEST_BYTES: Final = 200_000
_SHOWN_CHARACTERS: Final = 80
AnyPart = TypeVar("AnyPart", bound=Part)


class InvalidFileError(UsageError):
    """The file can't be used; the message says of each thing that is wrong where it stands and what to write.

    `findings` has the same, one by one; it is empty where the file can't be had at all.
    """

    def __init__(self, message: str, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(message)
        self.findings = findings

    @classmethod
    def from_findings(cls, name: str, findings: Iterable[Finding]) -> Self:
        """The error with all findings of one file, in the order of their lines."""
        ordered = tuple(sorted(findings, key=lambda each: each.line))
        return cls(";\n".join(f"{name}, {each}" for each in ordered), ordered)


@dataclass(frozen=True)
class Kind(Generic[AnyPart]):
    """A kind of file.

    Attributes:
        what: it is called in messages, such as `plan`.
        model: what it holds.
        built_in: the names of those that come with chirp-worker.
        folder: where these are, in `worker.rollout`.
        named: the characters that a document names, with their places; it may be of any shape.
    """

    what: str
    model: type[AnyPart]
    built_in: tuple[str, ...]
    folder: str
    named: Callable[[Any], Iterator[tuple[FieldPath, object]]]

    def find(self, argument: str) -> tuple[str, str]:
        """A file's name and text, by its path or by the name of a built-in one.

        Raises:
            InvalidFileError: there is no such file, or it can't be read.
        """
        if argument in self.built_in:
            file = resources.files("worker.rollout") / self.folder / f"{argument}.yaml"
            return f"{argument}.yaml", file.read_text(encoding="utf-8")
        try:
            with Path(argument).open("rb") as opened:
                content = opened.read(LARGEST_BYTES + 1)
            if len(content) > LARGEST_BYTES:
                raise InvalidFileError(f"{argument}: too long for a {self.what}; allowed are {LARGEST_BYTES:,} bytes")
            return argument, content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidFileError(f"{argument}: not UTF-8 (byte {error.start})") from None
        except OSError as error:
            known = ", ".join(self.built_in)
            raise InvalidFileError(
                f"{argument}: {error.strerror}; a {self.what} is a YAML file, or one of {known}"
            ) from None

    def read(self, text: str, name: str, catalogue: frozenset[str]) -> tuple[AnyPart, Mapping[FieldPath, int]]:
        """What a text holds, and in which line each of its fields stands.

        Args:
            text: YAML.
            name: of the file, for the messages.
            catalogue: the keys of all characters.

        Raises:
            InvalidFileError: with all that is wrong.
        """
        try:
            source = read_yaml(text)
        except YamlError as error:
            raise InvalidFileError.from_findings(name, error.findings) from None
        wrong = [*source.twice, *self._unknown_characters(source, catalogue)]
        try:
            content = self.model.model_validate(source.document)
        except ValidationError as error:
            found = [
                _finding(self.model, each, source.lines) for each in error.errors(include_url=False) if _tells(each)
            ]
            raise InvalidFileError.from_findings(name, [*wrong, *found]) from None
        if wrong:
            raise InvalidFileError.from_findings(name, wrong)
        return content, source.lines

    def _unknown_characters(self, source: Source, catalogue: frozenset[str]) -> Iterator[Finding]:
        """Looked for in the document, for they are to be told together with all else that is wrong."""
        known = f"there are {', '.join(sorted(catalogue))}"
        for path, name in self.named(source.document):
            if isinstance(name, str) and name not in catalogue:
                near = get_close_matches(name, sorted(catalogue), n=1)
                instead = f"write {near[0]}" if near else known
                line = line_of(source.lines, path)
                yield Finding(Severity.WRONG, line, field_path(path), f"{_shown(name)} is no character", instead)


def line_of(lines: Mapping[FieldPath, int], path: FieldPath) -> int:
    """The line of a field, or of the nearest one around it that is there."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _tells(error: Any) -> bool:
    # A list whose entries are all wrong is called too short on top of them.
    return not (error["type"] == "too_short" and error["input"])


def _finding(model: type[Part], error: Any, lines: Mapping[FieldPath, int]) -> Finding:
    path = tuple(error["loc"])
    value, kind = error["input"], error["type"]
    says, instead = str(error["msg"]).removeprefix("Value error, "), ""
    if kind == "missing":
        says, instead = "is missing", f"write {path[-1]}: …"
    elif kind == "extra_forbidden":
        known = sorted(_fields_at(model, path[:-1]))
        near = get_close_matches(str(path[-1]), known, n=1)
        says = "there is no such field"
        instead = f"write {near[0]}" if near else f"there are {', '.join(known)}"
    elif kind == "model_type" or (kind == "tuple_type" and value is None):
        says, instead = f"is {_shown(value)}", "it has fields or entries of its own; leave it out for the default"
    else:
        said = f"{says[:1].lower()}{says[1:]}"
        # A condition that takes several fields names the one that it is about; the value is all of them.
        says = said if isinstance(value, dict) else f"{_shown(value)}: {said}"
        if kind == "string_type" and isinstance(value, int | float):
            instead = f'in quotes: "{value}"'
    return Finding(Severity.WRONG, line_of(lines, path), field_path(path), says, instead)


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
