"""Why a store refuses or fails, from the code, status and message of its answer, and what to do about it. Pure.

The codes are those of S3, MinIO, Ceph, SeaweedFS, Cloudflare R2, Google Cloud Storage, Wasabi, NooBaa and Versity, as
their documents and sources list them. A code that isn't listed here leads to nothing wrong: the probe finds out
whether it is everybody's.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final


@dataclass(frozen=True)
class Cause:
    """Why a request failed.

    Attributes:
        reason: one word, for the log.
        state: of the bucket, such as "is full".
        advice: what an operator can do about it.
        of_all: whatever the key, every such request fails: it is never one job's own.
    """

    reason: str
    state: str
    advice: str
    of_all: bool = True


FULL: Final = Cause(
    "full",
    "is full or read-only",
    "raise the quota of the bucket or account, or make room: remove objects, add disks",
)
CLOCK: Final = Cause(
    "clock",
    "refuses this machine's clock",
    "set this machine's clock: it is off by more than the store allows (S3: 15 minutes); is NTP running?",
)
KEYS: Final = Cause(
    "keys",
    "refuses the keys",
    "check S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY, or the credentials file; renewed keys in the file are found "
    "without a restart",
)
ACCOUNT: Final = Cause("account", "belongs to an account that is closed or suspended", "ask the store's provider")
NO_BUCKET: Final = Cause("bucket", "doesn't exist", "create it, or set S3_BUCKET and S3_ENDPOINT_URL")
REGION: Final = Cause("region", "is in another region", "set S3_REGION and S3_ENDPOINT_URL to the bucket's region")
CHECKSUMS_WANTED: Final = Cause("checksums", "wants checksums", "set S3_CHECKSUMS=when_supported")
NOT_IMPLEMENTED: Final = Cause(
    "unsupported",
    "doesn't know a header of the request",
    "set S3_CHECKSUMS=when_required; if uploads still fail, use a store that knows `If-None-Match: *`, which "
    "`chirp-worker doctor` tries",
)
ENCRYPTION: Final = Cause("encryption", "can't use its encryption key", "check the bucket's KMS key and its policy")
PERMISSION: Final = Cause(
    "refused",
    "is refused",
    "allow the keys GetObject, PutObject and ListBucket, and look at the bucket's policy",
    of_all=False,
)
CERTIFICATE: Final = Cause(
    "certificate", "can't be reached by TLS", "check S3_ENDPOINT_URL and the store's certificate"
)
OTHER_NAME: Final = Cause(
    "certificate",
    "shows a certificate of another name",
    "set S3_ENDPOINT_URL to a name of the certificate, or have one issued for this name; S3_ADDRESSING=path if it has "
    "the store's name and not the buckets'",
)
UNKNOWN_AUTHORITY: Final = Cause(
    "certificate",
    "shows a certificate of an unknown authority",
    "set S3_CA_FILE to the PEM file of the authority that issued it",
)
EXPIRED: Final = Cause(
    "certificate", "shows a certificate that isn't valid now", "renew it, or set this machine's clock"
)
NO_FILES: Final = Cause(
    "files",
    "can't be reached: this process has too many open files",
    "raise the limit of open files (ulimit -n, LimitNOFILE), or lower MAX_IN_FLIGHT",
)

_CAUSES: Final = {
    **dict.fromkeys(
        ["QuotaExceeded", "ObjectQuotaExceeded", "XMinioAdminBucketQuotaExceeded", "XMinioStorageFull", "StorageFull",
         "InsufficientStorage", "InsufficientStorageSpace", "InsufficientCapacity", "StorageCapExceeded",
         "StorageQuotaExceeded", "ServiceQuotaExceeded", "NoSpaceLeft", "ReadOnly", "BucketReadOnly",
         "XMinioStorageResourceInsufficient", "TotalObjectSizeExceeded"], FULL),
    **dict.fromkeys(
        ["RequestTimeTooSkewed", "RequestExpired", "ExpiredRequest", "RequestInTheFuture"], CLOCK),
    **dict.fromkeys(
        ["InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "InvalidTokenId", "ExpiredToken",
         "ExpiredTokenException", "TokenRefreshRequired", "InvalidSecurity", "InvalidClientTokenId",
         "UnrecognizedClientException", "Unauthorized", "UnauthorizedAccess", "401", "AuthFailure",
         "AuthenticationRequired", "InvalidCredentials", "CredentialsNotSupported", "MissingSecurityHeader",
         "MissingAuthenticationToken", "XMinioInvalidAccessKey"], KEYS),
    **dict.fromkeys(
        ["AccountProblem", "AllAccessDisabled", "NotSignedUp", "UserSuspended", "UserProjectAccountProblem",
         "NotEntitled", "AccountDisabled", "InvalidPayer", "UserDisabled", "XMinioAccountNotEligible"], ACCOUNT),
    **dict.fromkeys(["NoSuchBucket", "NotFoundBucket"], NO_BUCKET),
    **dict.fromkeys(
        ["PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "InvalidRegion",
         "XMinioInvalidRegion", "IncorrectEndpoint", "Redirect", "TemporaryRedirect", "301", "307"], REGION),
    **dict.fromkeys(["MissingContentMD5", "MissingChecksum", "InvalidContentMD5Header"], CHECKSUMS_WANTED),
    **dict.fromkeys(["NotImplemented", "XNotImplemented", "501", "UnsupportedHeader"], NOT_IMPLEMENTED),
    **dict.fromkeys(["AccessDenied", "Forbidden", "403", "MethodNotAllowed", "405"], PERMISSION),
}  # fmt: skip
_BY_STATUS: Final = {
    HTTPStatus.INSUFFICIENT_STORAGE: FULL,
    HTTPStatus.UNAUTHORIZED: KEYS,
    HTTPStatus.NOT_IMPLEMENTED: NOT_IMPLEMENTED,
    HTTPStatus.MOVED_PERMANENTLY: REGION,
    HTTPStatus.TEMPORARY_REDIRECT: REGION,
}
_CLOCK_WORDS: Final = re.compile(
    r"(signature|request)( has)? expired|not yet current|request time|clock skew|in the future", re.IGNORECASE
)
# Stores that give no code of their own say it in words. Of several patterns that match, the first one counts.
_BY_MESSAGE: Final = (
    (re.compile(r"content-md5|checksum.*(required|must|missing)|required.*checksum", re.IGNORECASE), CHECKSUMS_WANTED),
    (_CLOCK_WORDS, CLOCK),
    (re.compile(r"quota|no space left|(storage|disk|bucket|volume)s? (is |are )?full|storage cap|insufficient storage"
                r"|read[- ]only", re.IGNORECASE), FULL),
    (re.compile(r"account.*(inactive|suspended|disabled|closed)", re.IGNORECASE), ACCOUNT),
    (re.compile(r"\bKMS\b", re.IGNORECASE), ENCRYPTION),
)  # fmt: skip


def find_cause(code: str, status: int, message: str) -> Cause | None:
    """The cause of a store's error; None if its answer says nothing that is known here.

    Args:
        code: of the error, such as "QuotaExceeded"; for an answer without a body its status.
        status: of the HTTP answer.
        message: the store's own.
    """
    known = _CAUSES.get(code)
    if known is KEYS and _CLOCK_WORDS.search(message):
        return CLOCK
    if known is not None and known is not PERMISSION:
        return known
    if code.startswith("KMS."):
        return ENCRYPTION
    # A code as general as AccessDenied or InvalidRequest may have a message that says more.
    by_message = next((cause for pattern, cause in _BY_MESSAGE if pattern.search(message)), None)
    return by_message or known or _BY_STATUS.get(HTTPStatus(status) if status in _STATUSES else HTTPStatus.OK)


# OpenSSL's X509_V_ERR_… (x509_vfy.h), as Python's SSLCertVerificationError.verify_code has them.
_BY_VERIFY_CODE: Final = {
    **dict.fromkeys((9, 10), EXPIRED),
    **dict.fromkeys((2, 18, 19, 20, 21), UNKNOWN_AUTHORITY),
    **dict.fromkeys((62, 64), OTHER_NAME),
}


def certificate_cause(verify_code: int) -> Cause:
    """Why a store's certificate was refused, by OpenSSL's code."""
    return _BY_VERIFY_CODE.get(verify_code, CERTIFICATE)


_STATUSES: Final = frozenset(HTTPStatus)
