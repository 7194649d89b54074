"""File names of lines that every file system takes. Pure."""

import re
from typing import Final

from schemas.words import AudioEncoding
from worker.storage.takes import EXTENSIONS

# What Windows refuses; a job's id may hold the colon alone of these.
_UNSAFE: Final = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
# Windows knows no such files, whatever the extension.
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def safe_name(name: str) -> str:
    """A line's id or a character's key as a file's or folder's name."""
    safe = _UNSAFE.sub("_", name).rstrip(". ")
    return f"_{safe}" if not safe or _RESERVED.fullmatch(safe) else safe


def path_of(character: str, line_id: str, encoding: AudioEncoding) -> str:
    """Where a line's audio is downloaded to: `<character>/<line id>.<ext>`, relative, with forward slashes."""
    return f"{safe_name(character)}/{safe_name(line_id)}.{EXTENSIONS[encoding]}"
