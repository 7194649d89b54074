"""What may go wrong at the store, by what the caller does about it: wait, or mend something."""

from schemas.errors import UnavailableError


class StorageError(UnavailableError):
    """The store didn't do what was asked."""


class StorageUnavailableError(StorageError):
    """It can't be reached, is too slow, or asks for another try: the same may work later."""


class StorageRefusedError(StorageError):
    """It answers and refuses, or the settings are wrong: until somebody mends that, it will again."""


class NotATakeError(StorageRefusedError):
    """What is there under a take's key has no take's metadata: somebody else put it there."""
