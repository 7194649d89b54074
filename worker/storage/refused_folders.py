"""Folders of takes into which the store takes no uploads, while it takes others: a policy may forbid one. Pure."""

from dataclasses import dataclass
from typing import Final

from worker.storage.errors import StorageRefusedError, StoreUnusableError
from worker.storage.takes import take_folder

_REFUSALS: Final = 3
_CLOSED_S: Final = 60.0


@dataclass
class _Folder:
    refusals: int
    last: StorageRefusedError
    closed_until: float


class RefusedFolders:
    """Says before a take is paid for that it couldn't be stored.

    A folder is closed for 60 s when three of its uploads have been refused, one after the other. Then one job tries
    again. Times are the monotonic clock's, in seconds.
    """

    def __init__(self) -> None:
        self._folders: dict[str, _Folder] = {}

    def add_refusal(self, key: str, error: StorageRefusedError, now: float) -> bool:
        """Notes that an upload was refused for good; returns whether that closes its folder for the first time."""
        name = take_folder(key)
        refusals = self._folders[name].refusals + 1 if name in self._folders else 1
        self._folders[name] = _Folder(refusals, error, now + _CLOSED_S)
        return refusals == _REFUSALS

    def add_success(self, key: str) -> None:
        """Notes that an upload worked: its folder is open."""
        self._folders.pop(take_folder(key), None)

    def check(self, key: str, now: float) -> None:
        """Checks whether a take may be made.

        Raises:
            StoreUnusableError: uploads to its folder are refused.
        """
        folder = self._folders.get(take_folder(key))
        if folder is None or folder.refusals < _REFUSALS:
            return
        if now >= folder.closed_until:
            # This job tries; the others go on waiting for what becomes of it.
            folder.closed_until = now + _CLOSED_S
            return
        message = (
            f"uploads to {take_folder(key)}/ are refused, so nothing is made for it; the last: {folder.last.message}"
        )
        raise StoreUnusableError(message, folder.last.cause)
