"""Parses YAML into a document with the line of each field, and reports what isn't valid YAML. Pure."""

import re
from dataclasses import dataclass
from typing import Any, Final

import yaml

from schemas.errors import ChirpWorkerError
from worker.rollout.plan.findings import Finding, Severity, format_path

FieldPath = tuple[str | int, ...]
# An alias repeats a node: a few lines of YAML can expand to a billion values, or to an endless one.
_MAX_VALUES: Final = 20_000
_MAX_DEPTH: Final = 20
# YAML 1.1 reads 0x1F, 0b11, 010, 1_000 and 1:30 as numbers too, and 1:30 as 90. Python can't even show a hexadecimal
# number of 5,000 digits.
_NUMBER_TAGS: Final = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_DECIMAL: Final = re.compile(r"[-+]?(0|[1-9][0-9]*|(?=\.[0-9]))(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_LONGEST_NUMBER: Final = 32
_TEXT_TAG: Final = "tag:yaml.org,2002:str"
_IMPLICIT: Final = yaml.resolver.Resolver()
LARGEST_CHARACTERS: Final = 65_536
"""Ten times the longest plan that comes with chirp-worker; a megabyte would take its reader half a minute."""


class YamlError(ChirpWorkerError):
    """The text isn't YAML that may be read; `findings` names the problem and its line."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("; ".join(map(str, findings)))
        self.findings = findings


@dataclass(frozen=True)
class Source:
    """A document and the lines of its fields.

    Attributes:
        document: as YAML parses it.
        lines: each field's line, from 1.
        duplicates: a finding for each key that appears twice; YAML would silently take the last one.
    """

    document: Any
    lines: dict[FieldPath, int]
    duplicates: tuple[Finding, ...]


def parse_yaml(text: str) -> Source:
    """Parse a YAML text.

    Raises:
        YamlError: it isn't valid, or too large.
    """
    if len(text) > LARGEST_CHARACTERS:
        message = f"{len(text):,} characters; allowed are {LARGEST_CHARACTERS:,}"
        raise YamlError(_wrong(1, message, "leave out what isn't needed"))
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        lines, duplicates = _walk(root)
        return Source(yaml.safe_load(text), lines, tuple(duplicates))
    except yaml.YAMLError as error:
        raise YamlError(_syntax_finding(error, text)) from None
    except RecursionError:
        raise YamlError(_wrong(1, f"nested deeper than {_MAX_DEPTH} levels", "five are enough")) from None
    except (ValueError, ArithmeticError) as error:
        # A value of one of YAML's own types that doesn't exist, such as the 31st of February.
        raise YamlError(_wrong(1, f"a value that YAML can't read ({error})", "put it in quotes")) from None


def _walk(root: yaml.Node | None) -> tuple[dict[FieldPath, int], list[Finding]]:
    lines: dict[FieldPath, int] = {}
    duplicates: list[Finding] = []
    pending: list[tuple[FieldPath, yaml.Node]] = [] if root is None else [((), root)]
    while pending:
        path, node = pending.pop()
        line = node.start_mark.line + 1
        lines.setdefault(path, line)
        if len(lines) > _MAX_VALUES:
            raise YamlError(_wrong(line, f"more than {_MAX_VALUES:,} values", "use fewer aliases"))
        if len(path) > _MAX_DEPTH:
            raise YamlError(_wrong(line, f"nested deeper than {_MAX_DEPTH} levels", "five are enough"))
        if isinstance(node, yaml.ScalarNode):
            _check_scalar(node)
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    _check_scalar(key)
                inner = (*path, str(key.value))
                key_line = key.start_mark.line + 1
                if inner in lines:
                    message = f"appears twice, first in line {lines[inner]}"
                    found = Finding(Severity.WRONG, key_line, format_path(inner), message, "keep one of them")
                    duplicates.append(found)
                else:
                    lines[inner] = key_line
                    pending.append((inner, value))
        elif isinstance(node, yaml.SequenceNode):
            pending += [((*path, number), each) for number, each in enumerate(node.value)]
    return lines, duplicates


def _check_scalar(node: yaml.ScalarNode) -> None:
    value: str = node.value
    if node.tag in _NUMBER_TAGS and (len(value) > _LONGEST_NUMBER or not _DECIMAL.fullmatch(value)):
        shown = repr(value) if len(value) <= _LONGEST_NUMBER else f"{value[:_LONGEST_NUMBER]!r}…"
        message = f"{shown} is no decimal number of at most {_LONGEST_NUMBER} characters"
        raise YamlError(_wrong(node.start_mark.line + 1, message, "write it as such, or in quotes if it is a text"))
    # A tag may say of a value what it isn't, such as `!!bool maybe`: PyYAML doesn't check that.
    implicit = _IMPLICIT.resolve(yaml.ScalarNode, value, (node.style is None, True))  # type: ignore[no-untyped-call]
    if node.tag not in (_TEXT_TAG, implicit):
        message = f"a tag ({node.tag}) before {value[:_LONGEST_NUMBER]!r}"
        raise YamlError(_wrong(node.start_mark.line + 1, message, "use plain values: tags are not allowed"))


def _syntax_finding(error: yaml.YAMLError, text: str) -> Finding:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else text.count("\n", 0, getattr(error, "position", 0)) + 1
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it can't be parsed"
    if "\\t" in problem:
        return _wrong(line, "a tab", "indent with spaces: YAML allows no tabs there")
    if "could not determine a constructor" in problem:
        return _wrong(line, f"a tag ({problem})", "use plain values: tags are not allowed")
    return _wrong(
        line, f"not valid YAML: {problem}", "check the indentation, colons and quotes of this line and the one above"
    )


def _wrong(line: int, message: str, suggestion: str) -> Finding:
    return Finding(Severity.WRONG, line, "", message, suggestion)
