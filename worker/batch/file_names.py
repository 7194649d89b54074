"""File names of lines that are valid on every file system. Pure."""

import re
from typing import Final

from schemas.enums import AudioEncoding
from worker.storage.takes import EXTENSIONS

# Characters that Windows refuses; of these a job's id can hold only the colon.
_UNSAFE: Final = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
# Names that Windows reserves for devices, whatever the extension, and whatever spaces are before it.
_RESERVED: Final = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\..*)?", re.IGNORECASE
)


def safe_name(name: str) -> str:
    """A line's id or a character's key as the name of a file or folder."""
    safe = _UNSAFE.sub("_", name).rstrip(". ")
    return f"_{safe}" if not safe or _RESERVED.fullmatch(safe) else safe


def is_file_name(name: str) -> bool:
    """Whether a line's id can be the name of a file on Windows: no device's name, and no dot or space at its end.

    A colon isn't looked at: ids such as "scene:3" are common, and known to become "scene_3".
    """
    return safe_name(name) == _UNSAFE.sub("_", name)


def audio_path(character: str, line_id: str, encoding: AudioEncoding) -> str:
    """The path of a line's audio in the download folder: `<character>/<line id>.<ext>`, with forward slashes."""
    return f"{safe_name(character)}/{safe_name(line_id)}.{EXTENSIONS[encoding]}"
