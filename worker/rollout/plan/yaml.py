"""A file's YAML as a document, with the line of each field; what is no good as YAML. Pure."""

from dataclasses import dataclass
from typing import Any, Final

import yaml

from schemas.errors import ChirpWorkerError
from worker.rollout.plan.findings import Finding, Severity, field_path

FieldPath = tuple[str | int, ...]
# An alias is the same node again: a few lines of YAML make a billion values of it, or one without an end.
_MOST_VALUES: Final = 20_000
_DEEPEST: Final = 20


class YamlError(ChirpWorkerError):
    """The text is no YAML that may be read; `findings` says what and where."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("; ".join(map(str, findings)))
        self.findings = findings


@dataclass(frozen=True)
class Source:
    """A document and where its fields stand.

    Attributes:
        document: as YAML gives it.
        lines: of each field, from 1.
        twice: a finding for each key that is there twice; YAML would take the last one without a word.
    """

    document: Any
    lines: dict[FieldPath, int]
    twice: tuple[Finding, ...]


def read_yaml(text: str) -> Source:
    """Reads a file's text.

    Raises:
        YamlError: it can't be read.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        lines, twice = _walk(root)
        return Source(yaml.safe_load(text), lines, tuple(twice))
    except yaml.YAMLError as error:
        raise YamlError(_of_yaml(error, text)) from None
    except RecursionError:
        raise YamlError(_wrong(1, f"nested deeper than {_DEEPEST} levels", "five are enough")) from None
    except ValueError as error:
        # A number or date of YAML's own kinds, such as the 31st of February.
        raise YamlError(_wrong(1, f"a value that YAML can't read ({error})", "put it in quotes")) from None


def _walk(root: yaml.Node | None) -> tuple[dict[FieldPath, int], list[Finding]]:
    lines: dict[FieldPath, int] = {}
    twice: list[Finding] = []
    waiting: list[tuple[FieldPath, yaml.Node]] = [] if root is None else [((), root)]
    while waiting:
        path, node = waiting.pop()
        line = node.start_mark.line + 1
        lines.setdefault(path, line)
        if len(lines) > _MOST_VALUES:
            raise YamlError(_wrong(line, f"more than {_MOST_VALUES:,} values", "use fewer aliases"))
        if len(path) > _DEEPEST:
            raise YamlError(_wrong(line, f"nested deeper than {_DEEPEST} levels", "five are enough"))
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inner = (*path, str(key.value))
                at = key.start_mark.line + 1
                if inner in lines:
                    says = f"is there twice, first in line {lines[inner]}"
                    twice.append(Finding(Severity.WRONG, at, field_path(inner), says, "keep one of them"))
                else:
                    lines[inner] = at
                    waiting.append((inner, value))
        elif isinstance(node, yaml.SequenceNode):
            waiting += [((*path, number), each) for number, each in enumerate(node.value)]
    return lines, twice


def _of_yaml(error: yaml.YAMLError, text: str) -> Finding:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else text.count("\n", 0, getattr(error, "position", 0)) + 1
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it can't be read"
    if "\\t" in problem:
        return _wrong(line, "a tab", "indent by spaces: YAML allows no tabs there")
    if "could not determine a constructor" in problem:
        return _wrong(line, f"a tag ({problem})", "plain values: tags are not read")
    return _wrong(
        line, f"no YAML: {problem}", "look at the indentation, colons and quotes of this line and the one above"
    )


def _wrong(line: int, says: str, instead: str) -> Finding:
    return Finding(Severity.WRONG, line, "", says, instead)
