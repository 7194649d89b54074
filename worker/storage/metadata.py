"""The metadata of a take's object, written and read. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from schemas.enums import AudioEncoding
from worker.storage.errors import NotATakeError
from worker.storage.takes import StoredTake

# Google's rates, and no take is longer than a day.
_SAMPLE_RATES: Final = range(8_000, 48_001)
_LONGEST_S: Final = 86_400.0


def _duration(text: str) -> float | None:
    seconds = float(text)
    return seconds if seconds <= _LONGEST_S else None


def _sample_rate(text: str) -> int | None:
    return int(text) if int(text) in _SAMPLE_RATES else None


# What `take_metadata` writes, and no more: whoever can write to the bucket can write anything here.
_FIELDS: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "sha256": (r"[0-9a-f]{1,64}", str),
    "duration": (r"[0-9]{1,5}(\.[0-9]{1,9})?", _duration),
    "encoding": ("|".join(AudioEncoding), AudioEncoding),
    "sample-rate": (r"[0-9]{1,5}", _sample_rate),
    "voice": (r"[ -~]{1,100}", str),
}


def take_metadata(take: StoredTake) -> dict[str, str]:
    """The metadata that is stored with a take's audio, so that a look-up can report the whole take."""
    return {
        "sha256": take.sha256,
        "duration": f"{take.duration_s:.6f}",
        "encoding": take.encoding.value,
        "sample-rate": str(take.sample_rate),
        "voice": take.voice,
    }


def take_from_metadata(key: str, size: int, metadata: Mapping[str, str]) -> StoredTake:
    """The take that an object's metadata describes.

    Args:
        key: the object's key.
        size: the size of its content, in bytes.
        metadata: as the store returns it.

    Raises:
        NotATakeError: the metadata isn't a take's: the object comes from somewhere else.
    """
    found = {}
    for name, (pattern, parse) in _FIELDS.items():
        value = metadata.get(name)
        parsed = parse(value) if value is not None and re.fullmatch(pattern, value) else None
        if value is None or parsed is None:
            problem = f"{name} is missing" if value is None else f"{name}={value[:80]!a}"
            raise NotATakeError(f"{key} exists without a take's metadata ({problem}); remove it")
        found[name] = parsed
    return StoredTake(
        key=key,
        size=size,
        sha256=found["sha256"],
        duration_s=found["duration"],
        encoding=found["encoding"],
        sample_rate=found["sample-rate"],
        voice=found["voice"],
    )
