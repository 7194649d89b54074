"""The metadata of a take's object, written and read. Pure."""

from collections.abc import Mapping

from schemas.enums import AudioEncoding
from worker.storage.errors import NotATakeError
from worker.storage.takes import StoredTake


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
    try:
        return StoredTake(
            key=key,
            size=size,
            sha256=metadata["sha256"],
            duration_s=float(metadata["duration"]),
            encoding=AudioEncoding(metadata["encoding"]),
            sample_rate=int(metadata["sample-rate"]),
            voice=metadata["voice"],
        )
    except (KeyError, ValueError) as error:
        raise NotATakeError(f"{key} exists without a take's metadata ({error}); remove it") from None
