"""Translates the errors of the S3 client into the worker's own."""

from http import HTTPStatus
from typing import Final

from aiohttp import ClientError as HttpError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004  # botocore's own, named so
    HTTPClientError,
    IncompleteReadError,
    SSLError,
)

from worker.storage.errors import StorageError, StorageRefusedError, StorageUnavailableError

STORE_ERRORS: Final = (ClientError, BotoCoreError, HttpError, TimeoutError)
"""What a call of the client may raise; the last two come from reading a body."""

_UNREACHED: Final = (ConnectionError, HTTPClientError, IncompleteReadError, HttpError, TimeoutError)
# Codes with a status of 4xx that ask for another try later.
_LATER: Final = frozenset({"SlowDown", "RequestTimeout", "RequestLimitExceeded", "Throttling", "TooManyRequests"})
_LATER_STATUS: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS})


def storage_error(doing: str, error: Exception) -> StorageError:
    """The worker's own error for one of the client's.

    Args:
        doing: the request, such as "look-up of takes/x".
        error: one of `STORE_ERRORS`.
    """
    kind = StorageUnavailableError if _may_work_later(error) else StorageRefusedError
    return kind(f"{doing}: {str(error) or type(error).__name__}")


def http_status(error: ClientError) -> int:
    """The HTTP status of the store's answer; 0 if there is none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _may_work_later(error: Exception) -> bool:
    if isinstance(error, ClientError):
        status = http_status(error)
        if error.response.get("Error", {}).get("Code") in _LATER or status in _LATER_STATUS:
            return True
        # 501: this store doesn't know a header of the request, and a later try won't change that.
        return status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED
    # A certificate that doesn't match is a wrong setting, though botocore counts it as a broken connection.
    return isinstance(error, _UNREACHED) and not isinstance(error, SSLError)
