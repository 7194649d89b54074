"""Reads and writes the mapping of a script, `chirp-batch.yaml`."""

from pathlib import Path, PurePosixPath
from typing import Any, Final

import yaml
from pydantic import ValidationError

from schemas.errors import UsageError
from worker.batch.atomic_file import replace_file
from worker.batch.regular_file import followed, read_regular
from worker.batch.scripts.mapping.model import MAPPING_NAME, ScriptMapping, TableMapping
from worker.rollout.plan.yaml import Source, YamlError, parse_yaml

_LARGEST_BYTES: Final = 16 * 2**20
_HEAD: Final = """\
# How `chirp-worker batch` reads the tables in this folder. Yours to edit; docs/studio.md has each field.
# Behind each name in `characters` stands the character's key; lines of a name without one are errors.
"""


def mapping_path(script: Path) -> Path:
    """Where the mapping of a script lies: beside the file, or in the folder."""
    return (script if script.is_dir() else script.parent) / MAPPING_NAME


def read_mapping(script: Path) -> ScriptMapping:
    """The mapping of a script; an empty one where there is no file.

    Raises:
        UsageError: the file can't be read, or is no mapping; the message names the line and the field.
    """
    path = mapping_path(script)
    try:
        text = read_regular(followed(path), _LARGEST_BYTES).decode()
    except FileNotFoundError:
        return ScriptMapping()
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: can't be read: {error}") from None
    try:
        source = _parse(text)
        return ScriptMapping.model_validate(source.document or {})
    except YamlError as error:
        first = error.findings[0]
        raise UsageError(f"{path}:{first.line}: {first.message}; {first.suggestion}") from None
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False)[0]
        at = problem["loc"]
        line = next((source.lines[at[:end]] for end in range(len(at), -1, -1) if at[:end] in source.lines), 1)
        where = ".".join(map(str, at)) or "the file"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            known = TableMapping if len(at) > 2 else ScriptMapping  # noqa: PLR2004  # scripts, its number, the field
            message = f"is no field here; allowed are {', '.join(known.model_fields)}"
        raise UsageError(f"{path}:{line}: {where}: {message}") from None


def _parse(text: str) -> Source:
    source = parse_yaml(text)
    if source.duplicates:
        raise YamlError(*source.duplicates)
    return source


def write_mapping(path: Path, mapping: ScriptMapping) -> None:
    """Replaces a mapping's file atomically; comments in the former one are not kept."""
    document: dict[str, Any] = {"scripts": [_plain(each) for each in mapping.scripts]}
    if mapping.ignore:
        document["ignore"] = list(mapping.ignore)
    if mapping.characters:
        document["characters"] = dict(mapping.characters)
    if mapping.lint:
        document["lint"] = dict(mapping.lint)
    if mapping.lexicon is not None:
        document["lexicon"] = mapping.lexicon
    body = yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=110)
    replace_file(followed(path), f"{_HEAD}{body}".encode())


def _plain(mapping: TableMapping) -> dict[str, Any]:
    # What says nothing is left out; an empty list of labels says that there are none.
    document = mapping.model_dump(mode="json")
    return {name: value for name, value in document.items() if value or (name == "labels" and value is not None)}


def is_for(mapping: TableMapping, name: str) -> bool:
    """Whether a mapping is for a file, by its path below the mapping with forward slashes."""
    return _is_like(name, mapping.file)


def is_ignored(mapping: ScriptMapping, name: str, sheet: str | None = None) -> bool:
    """Whether a file is no script by its mapping, or one sheet of it."""
    named = name if sheet is None else f"{name}[{sheet}]"
    return any(_is_like(named, pattern) for pattern in mapping.ignore)


def _is_like(name: str, pattern: str) -> bool:
    return name == pattern or PurePosixPath(name).match(_escaped(pattern))


def _escaped(pattern: str) -> str:
    # A name such as `act [1].csv` is matched as it stands before; in a pattern only * and ? have a meaning.
    return pattern.replace("[", "[[]")
