"""File names of lines that are valid on every file system. Pure."""

import re
from typing import Final

from schemas.enums import AudioEncoding
from worker.storage.takes import EXTENSIONS

# Characters that Windows refuses; of these a job's id can hold only the colon.
_UNSAFE: Final = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
# Names that Windows reserves for devices, whatever the extension.
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def safe_name(name: str) -> str:
    """A line's id or a character's key as the name of a file or folder."""
    safe = _UNSAFE.sub("_", name).rstrip(". ")
    return f"_{safe}" if not safe or _RESERVED.fullmatch(safe) else safe


def audio_path(character: str, line_id: str, encoding: AudioEncoding) -> str:
    """The path of a line's audio in the download folder: `<character>/<line id>.<ext>`, with forward slashes."""
    return f"{safe_name(character)}/{safe_name(line_id)}.{EXTENSIONS[encoding]}"
