"""How the client of the store connects, logs in and has objects encrypted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from schemas.errors import UsageError
from worker.config.parsing import Secret, SecretAddress
from worker.config.section import SettingsSection, setting

_KMS: Final = ("aws:kms", "aws:kms:dsse")


class StorageAccessSettings(SettingsSection):
    """Keys, TLS, addresses and encryption of the S3-compatible store. Without keys, boto's own chain applies."""

    endpoint_url: str | None = setting(
        "S3_ENDPOINT_URL",
        "http:// or https:// and a host, without user and query; unset for AWS",
        None,
        pattern=r"^https?://[^\s?#@]+$",
    )
    access_key_id: Secret | None = setting(
        "S3_ACCESS_KEY_ID", "an access key's id, together with S3_SECRET_ACCESS_KEY", None
    )
    secret_access_key: Secret | None = setting("S3_SECRET_ACCESS_KEY", "the access key's secret", None)
    session_token: Secret | None = setting("S3_SESSION_TOKEN", "the token of temporary keys, together with both", None)
    ca_file: Path | None = setting(
        "S3_CA_FILE", "the path of a PEM file with the store's authorities; unset for boto's, or AWS_CA_BUNDLE", None
    )
    addressing: Literal["auto", "path", "virtual"] = setting(
        "S3_ADDRESSING", "auto, path (host/bucket/key) or virtual (bucket.host/key)", "auto"
    )
    # A secret, since it may hold a user and a password.
    proxy_url: SecretAddress | None = setting(
        "S3_PROXY_URL", "http:// or https:// and a host; unset for HTTPS_PROXY, HTTP_PROXY and NO_PROXY", None
    )
    sse: Literal["AES256", "aws:kms", "aws:kms:dsse"] | None = setting(
        "S3_SSE", "AES256, aws:kms or aws:kms:dsse; unset for the bucket's own encryption", None
    )
    sse_kms_key_id: str | None = setting(
        "S3_SSE_KMS_KEY_ID", "a KMS key's id, ARN or alias; unset for the account's own", None, min_length=1
    )


def check_storage_access(settings: StorageAccessSettings) -> None:
    """Refuses settings that contradict each other.

    Raises:
        UsageError: names a setting of the contradiction, and what is allowed.
    """
    if message := next(_contradictions(settings), None):
        raise UsageError(message)


def _contradictions(settings: StorageAccessSettings) -> Iterator[str]:
    if (settings.access_key_id is None) != (settings.secret_access_key is None):
        yield "S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY: set both, or neither for boto's own chain"
    if settings.session_token is not None and settings.access_key_id is None:
        yield "S3_SESSION_TOKEN: has no effect without S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY; set them too"
    if settings.sse_kms_key_id is not None and settings.sse not in _KMS:
        yield f"S3_SSE_KMS_KEY_ID: has no effect with S3_SSE={settings.sse!r}; allowed with {' and '.join(_KMS)}"
    if settings.ca_file is not None and (settings.endpoint_url or "").startswith("http://"):
        yield f"S3_CA_FILE: has no effect with S3_ENDPOINT_URL={settings.endpoint_url!r}; allowed with https://"
