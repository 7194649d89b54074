"""A take as its object's metadata tells it, written and read. Pure."""

from collections.abc import Mapping

from schemas.words import AudioEncoding
from worker.storage.errors import NotATakeError
from worker.storage.takes import StoredTake


def metadata_of(take: StoredTake) -> dict[str, str]:
    """What is stored beside a take's audio, so that a look-up can report it whole."""
    return {
        "sha256": take.sha256,
        "duration": f"{take.duration_s:.6f}",
        "encoding": take.encoding.value,
        "sample-rate": str(take.sample_rate),
        "voice": take.voice,
    }


def stored_take(key: str, size: int, metadata: Mapping[str, str]) -> StoredTake:
    """The take of an object.

    Args:
        key: of the object.
        size: of its content, in bytes.
        metadata: its own.

    Raises:
        NotATakeError: the metadata isn't a take's; somebody else put the object there.
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
        raise NotATakeError(f"{key} is there without a take's metadata ({error}); remove it") from None
