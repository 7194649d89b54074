"""What a download of a batch's audio came to. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DownloadResult:
    """Counts of audio files.

    Attributes:
        fetched: downloaded.
        kept: up to date already.
        left: not downloaded, since a file that the batch didn't write is in the place.
        problems: a message for each file left, and for each that couldn't be downloaded.
    """

    fetched: int
    kept: int
    left: int
    problems: tuple[str, ...]
