"""The choices of a script: which take of a line is used. A YAML file beside the script, a line for each choice, sorted.

    "intro-2": {take: 2, by: "mei", at: "2026-11-29T16:00:00+00:00"}

Two people's files merge line by line. Where a person writes it, the number alone is enough: `intro-2: 2`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import yaml

from schemas.errors import UsageError
from worker.batch.atomic_file import replace_file
from worker.batch.choice import Choice, is_take_number
from worker.batch.regular_file import followed, read_regular, real_path
from worker.batch.scripts.model import Finding, Line, Place, Script, Severity

SUFFIX: Final = ".choices.yaml"
_LARGEST_BYTES: Final = 64 * 2**20
_FORM: Final = "a choice is `line: 2`, or `line: {take: 2, by: name, at: time}`"


def choices_path(script: Path) -> Path:
    """The path of a script's choices: beside the script, with its name."""
    path = real_path(script)
    return path.with_name(f"{path.name}{SUFFIX}")


def read_choices(path: Path) -> dict[str, Choice]:
    """The choices by line; none where the file doesn't exist.

    Raises:
        UsageError: the file can't be read, or holds something else; the message names the line.
    """
    try:
        # A link to a file that isn't there is an error: without the choices other takes would be made.
        text = read_regular(followed(path), _LARGEST_BYTES).decode()
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: isn't UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise UsageError(f"{path}:{mark.line + 1 if mark else 1}: is no YAML; {_FORM}") from None
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise UsageError(f"{path}:1: {_FORM}")
    choices: dict[str, Choice] = {}
    for key, value in root.value:
        place = f"{path}:{key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            raise UsageError(f"{place}: {_FORM}")
        if key.value in choices:
            raise UsageError(f"{place}: the line {key.value!a} stands twice; keep one of its choices")
        choices[key.value] = _choice(value, place)
    return choices


def write_choices(path: Path, choices: Mapping[str, Choice]) -> None:
    """Replaces the file atomically; the same choices give the same bytes.

    Raises:
        OSError: the file can't be written.
    """
    rows = []
    for line, each in sorted(choices.items()):
        # Strings of JSON are YAML's too.
        fields = [f"take: {each.take}"]
        fields += [f"{name}: {json.dumps(text, ensure_ascii=False)}" for name, text in _known(each)]
        rows.append(f"{json.dumps(line, ensure_ascii=False)}: {{{', '.join(fields)}}}\n")
    replace_file(followed(path), "".join(rows).encode())


def choose(path: Path, chosen: Mapping[str, Choice | None]) -> dict[str, Choice]:
    """Writes choices into the file, and removes those that are None; returns all that it then holds.

    Raises:
        UsageError: the file can't be read, or holds something else.
        OSError: it can't be written.
    """
    before = read_choices(path)
    after = {line: each for line, each in {**before, **chosen}.items() if each is not None}
    if after != before:
        write_choices(path, after)
    return after


def with_choices(script: Script, choices: Mapping[str, Choice], path: Path) -> Script:
    """The script with each chosen take in place of the line's own number; a warning for each choice of no line."""
    lines = tuple(_chosen(line, choices.get(line.id)) for line in script.lines)
    unknown = sorted(choices.keys() - {line.id for line in lines})
    warnings = (
        Finding(Severity.WARNING, Place(path.name, 1), f"{line!a} is no line of the script; its choice is left alone")
        for line in unknown
    )
    return replace(script, lines=lines, findings=(*script.findings, *warnings))


def _known(choice: Choice) -> Iterable[tuple[str, str]]:
    return ((name, text) for name, text in (("by", choice.by), ("at", choice.at)) if text)


def _chosen(line: Line, choice: Choice | None) -> Line:
    if choice is None:
        return line
    return replace(line, job=line.job.model_copy(update={"take": choice.take}), first_take=line.job.take)


def _choice(node: yaml.Node, place: str) -> Choice:
    if isinstance(node, yaml.ScalarNode):
        return Choice(_take(node.value, place))
    fields = {}
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if not isinstance(value, yaml.ScalarNode) or key.value not in {"take", "by", "at"}:
            raise UsageError(f"{place}: {str(key.value)[:60]!a} is no field of a choice; {_FORM}")
        fields[key.value] = value.value
    if "take" not in fields:
        raise UsageError(f"{place}: the take is missing; {_FORM}")
    return Choice(_take(fields["take"], place), fields.get("by", ""), fields.get("at", ""))


def _take(text: str, place: str) -> int:
    if not is_take_number(text):
        raise UsageError(f"{place}: take={text[:40]!a}: allowed is a whole number from 1")
    return int(text)
