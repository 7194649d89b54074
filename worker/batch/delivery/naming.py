"""Names of delivered files by a template such as `{language}/{character}/{id}.{ext}`. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from schemas.errors import UsageError
from worker.batch.file_names import safe_name, same_name

FIELDS: Final = ("language", "character", "scene", "id", "take", "ext")
_FIELD: Final = re.compile(r"\{([^{}]*)\}")


def check_template(template: str) -> None:
    """Check that a template names files inside of a folder, each line's another one.

    Raises:
        UsageError: it doesn't; the message says what is allowed.
    """
    allowed = ", ".join(f"{{{field}}}" for field in FIELDS)
    for field in _FIELD.findall(template):
        if field not in FIELDS:
            raise UsageError(f"--name {template!r}: {{{field}}} is no field; the fields are {allowed}")
    rest = _FIELD.sub("", template)
    if "{" in rest or "}" in rest or "\\" in rest:
        raise UsageError(f"--name {template!r}: allowed are names, /, and the fields {allowed}")
    if "{id}" not in template or not template.endswith(".{ext}"):
        raise UsageError(f"--name {template!r}: has {{id}}, and ends with .{{ext}}")
    if template.startswith("/") or any(part in {"", ".", ".."} for part in template.split("/")):
        raise UsageError(f"--name {template!r}: is a path below the folder, without . and ..")


def file_name(template: str, values: Mapping[str, str]) -> str:
    """The path of a line's file, with forward slashes; each value becomes a valid name on every system.

    Args:
        values: one for each field.
    """
    parts = template.removesuffix(".{ext}").split("/")
    named = [safe_name(_FIELD.sub(lambda found: values[found[1]], part)) for part in parts]
    return f"{'/'.join(named)}.{values['ext']}"


def check_different(names: Iterable[tuple[str, str]]) -> None:
    """Check that no two lines get one file, on systems that ignore case, or how accents are composed, too.

    Args:
        names: each line's id with its path.

    Raises:
        UsageError: two lines share a file; the message names them.
    """
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for line, name in names:
        lines[same_name(name)].append(line)
    for name, sharing in lines.items():
        if len(sharing) > 1:
            raise UsageError(
                f"{len(sharing):,} lines would get one file, {name}: {', '.join(sharing[:3])}; "
                "a template with more fields distinguishes them"
            )
