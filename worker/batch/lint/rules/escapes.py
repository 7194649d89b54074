r"""What a file format needs and a voice would read: `\n`, `\u00e9`, `&amp;`. Pure."""

import html
import re
from collections.abc import Iterator
from typing import Final

from worker.batch.lint.model import Level, Match, Spoken, TextRule

# Not in a path of Windows (`C:\new`), where the escape follows a drive or another folder.
_ESCAPE: Final = re.compile(
    r"(?<!:)(?<!\\)\\(?:u\{[0-9A-Fa-f]{1,6}\}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|[\"'\\/]|r\\n(?!\[)|[nrt](?!\[))"
)
_PATH: Final = re.compile(r"[A-Za-z]:\\[^\s\"]*|\\\\[^\s\"\\]+\\[^\s\"]*")
_BLANKS: Final = {"n": " ", "r": " ", "t": " ", "r\\n": " "}
_ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def _find_escapes(text: str, _: Spoken) -> Iterator[Match]:
    paths = [(found.start(), found.end()) for found in _PATH.finditer(text)]
    for found in _ESCAPE.finditer(text):
        if not any(start <= found.start() < end for start, end in paths):
            yield Match(found.start(), found.end(), replacement=_meant(found[0][1:]))


def _meant(escape: str) -> str:
    """The character that an escape stands for, without its backslash; a space for the end of a line."""
    if escape[0] not in "uUx":
        return _BLANKS.get(escape, escape)
    code = int(escape[1:].strip("{}"), 16)
    is_character = code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF  # noqa: PLR2004  # Unicode's own limits
    return chr(code) if is_character else ""


def _find_entities(text: str, _: Spoken) -> Iterator[Match]:
    for found in _ENTITY.finditer(text):
        meant = html.unescape(found[0])
        if meant != found[0]:
            yield Match(found.start(), found.end(), replacement=" " if meant.isspace() else meant)


RULES: Final = (
    TextRule("escape", "is an escape, which is read aloud sign by sign", Level.ERROR, _find_escapes, needs="\\"),
    TextRule(
        "html-entity", "is an HTML entity, which is read aloud sign by sign", Level.ERROR, _find_entities, needs="&"
    ),
)
