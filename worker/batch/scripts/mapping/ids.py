"""Makes the id of a line from what a script calls it, or from its file and place. Pure."""

import hashlib
import re
from typing import Final

from schemas.field_types import JOB_ID_PATTERN

LONGEST_ID: Final = 100
"""Ten characters less than a line's id may have: a language is appended where a row has texts in several."""
_ALLOWED: Final = re.compile(JOB_ID_PATTERN)
_FORBIDDEN: Final = re.compile(r"[^A-Za-z0-9._:@=+-]+")
# Unreal names a line by the audio file that it wants.
_AUDIO: Final = re.compile(r"(?<=.)\.(?:wav|ogg|mp3|flac|opus)$", re.IGNORECASE)
_MARK_CHARACTERS: Final = 8


def line_id(name: str) -> str:
    """An id that is allowed, the same for the same name: `line:a/b` → `line:a_b`.

    A name that loses letters or is too long gets a mark of the whole name: `对话1` → `1-4f6c0e12`.
    """
    name = _AUDIO.sub("", name.strip())
    if _ALLOWED.fullmatch(name) and len(name) <= LONGEST_ID:
        return name
    safe = _FORBIDDEN.sub("_", name).lstrip("._:@=+-")
    lost = any(character.isalnum() and not character.isascii() for character in name)
    if safe.strip("_") and not lost and len(safe) <= LONGEST_ID:
        return safe
    mark = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:_MARK_CHARACTERS]
    short = safe.strip("_")[: LONGEST_ID - _MARK_CHARACTERS - 1] or "line"
    return f"{short}-{mark}"


def placed_id(file: str, number: int) -> str:
    """The id of a line that the script doesn't name: its file without the ending, and its number there."""
    stem = file.rpartition(".")[0] or file
    # The sheet of a spreadsheet stands in brackets behind the ending.
    sheet = file[file.index("[") :].strip("[]") if file.endswith("]") and "[" in file else ""
    stem = file[: file.index("[")].rpartition(".")[0] if sheet else stem
    return line_id(f"{stem}-{sheet}-{number:04}" if sheet else f"{stem}-{number:04}")
