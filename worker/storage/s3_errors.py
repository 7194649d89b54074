"""Translates the errors of the S3 client into the worker's own."""

import errno
from collections.abc import Iterator
from http import HTTPStatus
from ssl import SSLCertVerificationError
from typing import Final

from aiohttp import ClientError as HttpError
from aiohttp import ClientSSLError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004  # botocore's own, named so
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    SSLError,
    UnauthorizedSSOTokenError,
)
from botocore.parsers import ResponseParserError

from worker.storage.causes import CERTIFICATE, KEYS, NO_FILES, Cause, certificate_cause, find_cause
from worker.storage.errors import StorageError, StorageRefusedError, StorageUnavailableError, StoreUnusableError

STORE_ERRORS: Final = (ClientError, BotoCoreError, ResponseParserError, HttpError, TimeoutError, OSError)
"""What a call of the client may raise; the last three come from the connection, or from reading a body."""

# A proxy's page with status 200 can't be parsed: the store behind it wasn't reached.
_UNREACHED: Final = (
    ConnectionError, HTTPClientError, IncompleteReadError, ResponseParserError, HttpError, TimeoutError, OSError,
)  # fmt: skip
# An answer's body may be a whole page, and its message comes into logs, dead letters and /readyz.
_LONGEST_MESSAGE: Final = 500
_NO_KEYS: Final = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, UnauthorizedSSOTokenError)
_TLS: Final = (SSLError, ClientSSLError)
# A certificate that doesn't match is a wrong setting, though the clients count it as a broken connection; so is a file
# that isn't there, such as that of AWS_CA_BUNDLE.
_WRONG_SETTINGS: Final = (*_TLS, FileNotFoundError, PermissionError)
_FILE_LIMITS: Final = frozenset({errno.EMFILE, errno.ENFILE})
# Codes with a status of 4xx that ask for another try later.
_LATER: Final = frozenset({
    "SlowDown", "RequestTimeout", "RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequests",
    "BandwidthLimitExceeded", "KMS.ThrottlingException", "UserRateLimitExceeded", "TooMuchConcurrency",
})  # fmt: skip
_LATER_STATUS: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS})
# An old MinIO answers a conditional PUT as if it were a conditional GET.
_STORED_ALREADY: Final = frozenset({HTTPStatus.PRECONDITION_FAILED, HTTPStatus.NOT_MODIFIED})


def storage_error(doing: str, error: Exception) -> StorageError:
    """The worker's own error for one of the client's.

    Args:
        doing: the request, such as "look-up of takes/x".
        error: one of `STORE_ERRORS`.
    """
    cause = _cause(error)
    message = f"{doing}: {_text(error)}"
    if _may_work_later(error):
        return StorageUnavailableError(message, cause)
    return (StoreUnusableError if cause is not None and cause.of_all else StorageRefusedError)(message, cause)


def http_status(error: ClientError) -> int:
    """The HTTP status of the store's answer; 0 if there is none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_stored_already(error: Exception) -> bool:
    """Whether a conditional PUT was refused since the key is taken."""
    return isinstance(error, ClientError) and http_status(error) in _STORED_ALREADY


def has_code(error: StorageError) -> bool:
    """Whether the store gave a code of its own: the answer to HEAD has no body to hold one."""
    answer = error.__cause__
    return isinstance(answer, ClientError) and not _code(answer).isdigit()


def is_no_such_key(error: BaseException) -> bool:
    """Whether the store answered that there is no object of this key."""
    return isinstance(error, ClientError) and _code(error) == "NoSuchKey"


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _cause(error: Exception) -> Cause | None:
    if isinstance(error, ClientError):
        return find_cause(_code(error), http_status(error), str(error.response.get("Error", {}).get("Message", "")))
    if isinstance(error, _NO_KEYS):
        return KEYS
    if isinstance(error, _TLS):
        refused = _refused_certificate(error)
        return CERTIFICATE if refused is None else certificate_cause(refused.verify_code)
    return NO_FILES if any(_is_file_limit(each) for each in _chain(error)) else None


def _text(error: Exception) -> str:
    refused = _refused_certificate(error)
    if refused is not None:
        # botocore's text is five times as long, and repeats the address.
        return f"{certificate_cause(refused.verify_code).state}: {refused.verify_message.rstrip('.')}"
    if isinstance(error, TimeoutError) and not str(error):
        return "no answer within S3_TIMEOUT_S"
    return str(error)[:_LONGEST_MESSAGE] or type(error).__name__


def _refused_certificate(error: Exception) -> SSLCertVerificationError | None:
    # aiohttp's own error is of this class too, and has no code; the one that it wraps has.
    found = (each for each in _chain(error) if isinstance(each, SSLCertVerificationError))
    return next((each for each in found if hasattr(each, "verify_code")), None)


def _is_file_limit(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in _FILE_LIMITS


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and what led to it: aiohttp and botocore wrap the operating system's error."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _may_work_later(error: Exception) -> bool:
    if isinstance(error, ClientError):
        status = http_status(error)
        if _code(error) in _LATER or status in _LATER_STATUS:
            return True
        # 501: this store doesn't know a header of the request, and a later try won't change that.
        return status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED
    return isinstance(error, _UNREACHED) and not isinstance(error, _WRONG_SETTINGS)
