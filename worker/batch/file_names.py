"""File names of lines that are valid on every file system. Pure."""

import hashlib
import re
import unicodedata
from typing import Final

from schemas.enums import AudioEncoding
from worker.storage.takes import EXTENSIONS

# Characters that Windows refuses; of these a job's id can hold only the colon.
_UNSAFE: Final = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
# Names that Windows reserves for devices, whatever the extension, and whatever spaces are before it.
_RESERVED: Final = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\..*)?", re.IGNORECASE
)


# What file systems allow, in bytes at the most; the longest ending is behind it.
_MOST_BYTES: Final = 255 - max(len(f".{each}") for each in EXTENSIONS.values())
_MARK_CHARACTERS: Final = 10


def safe_name(name: str) -> str:
    """A line's id, a character's key or a scene as the name of a file or folder."""
    safe = _UNSAFE.sub("_", name).rstrip(". ")
    safe = f"_{safe}" if not safe or _RESERVED.fullmatch(safe) else safe
    content = safe.encode("utf-8", "surrogatepass")
    if len(content) <= _MOST_BYTES:
        return safe
    mark = hashlib.sha256(content).hexdigest()[:_MARK_CHARACTERS]
    return f"{content[: _MOST_BYTES - _MARK_CHARACTERS - 1].decode('utf-8', 'ignore')}-{mark}"


def same_name(path: str) -> str:
    """What two paths share that are one on some system: some ignore case, some how an accent is composed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def is_file_name(name: str) -> bool:
    """Whether a line's id can be the name of a file on Windows: no device's name, and no dot or space at its end.

    A colon isn't looked at: ids such as "scene:3" are common, and known to become "scene_3".
    """
    return safe_name(name) == _UNSAFE.sub("_", name)


def audio_path(character: str, line_id: str, encoding: AudioEncoding) -> str:
    """The path of a line's audio in the download folder: `<character>/<line id>.<ext>`, with forward slashes."""
    return f"{safe_name(character)}/{safe_name(line_id)}.{EXTENSIONS[encoding]}"
