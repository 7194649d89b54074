"""Errors of the store, by what the caller does about them: wait, or fix something."""

from schemas.errors import UnavailableError


class StorageError(UnavailableError):
    """The store didn't do what was requested."""


class StorageUnavailableError(StorageError):
    """The store can't be reached, is too slow, or asks for another try: the same request may work later."""


class StorageRefusedError(StorageError):
    """The store refuses the request, or the settings are wrong: it fails until somebody fixes that."""


class NotATakeError(StorageRefusedError):
    """The object under a take's key has no take's metadata: it comes from somewhere else."""
