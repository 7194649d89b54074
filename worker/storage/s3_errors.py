"""What the S3 client raises, as errors of ours."""

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
    """The error of ours for one of the client's.

    Args:
        doing: what was asked, such as "look-up of takes/x".
        error: one of `STORE_ERRORS`.
    """
    kind = StorageUnavailableError if _may_work_later(error) else StorageRefusedError
    return kind(f"{doing}: {str(error) or type(error).__name__}")


def status_of(error: ClientError) -> int:
    """The HTTP status of the store's answer; 0 for none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _may_work_later(error: Exception) -> bool:
    if isinstance(error, ClientError):
        status = status_of(error)
        if error.response.get("Error", {}).get("Code") in _LATER or status in _LATER_STATUS:
            return True
        # 501: a header that this store doesn't know. It won't learn it.
        return status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED
    # A certificate that doesn't fit is a wrong setting, though botocore counts it as a broken connection.
    return isinstance(error, _UNREACHED) and not isinstance(error, SSLError)
