"""Errors of the store, by what the caller does about them: wait, or fix something."""

from schemas.errors import UnavailableError
from worker.storage.causes import Cause


class StorageError(UnavailableError):
    """The store didn't do what was requested.

    Attributes:
        message: of the store or its client, without the advice that stands in `str(error)`.
        cause: why, as far as the answer says it.
    """

    def __init__(self, message: str, cause: Cause | None = None) -> None:
        super().__init__(message if cause is None else f"{message}: {cause.advice}")
        self.message = message
        self.cause = cause


class StorageUnavailableError(StorageError):
    """The store can't be reached, is too slow, or asks for another try: the same request may work later."""


class StorageRefusedError(StorageError):
    """The store refuses the request, or the settings are wrong: it fails until somebody fixes that."""


class StoreUnusableError(StorageRefusedError):
    """The store refuses all such requests, whatever the key: it is full, or keys, clock, bucket or settings are wrong.

    Once somebody has fixed that, the same request works.
    """


class NotATakeError(StorageRefusedError):
    """The object under a take's key has no take's metadata: it comes from somewhere else."""
