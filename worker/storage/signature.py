"""AWS Signature Version 4 of a request without query: the steps of Amazon's documentation, and no more. Pure.

botocore's signer does the same at four times the CPU time, since it builds a request and its headers as objects first.
With two requests a job that is a tenth of a job's CPU time (`docs/performance.md`). A test compares the two.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
EMPTY_SHA256: Final = hashlib.sha256(b"").hexdigest()
"""Of a request without body."""


@dataclass(frozen=True)
class Keys:
    """Access keys; `token` belongs to temporary ones."""

    access_key: str
    secret_key: str
    token: str | None


class Signer:
    """Signs requests to one service in one region.

    Args:
        region: as the service names it, such as "us-east-1".
        service: such as "s3".
    """

    def __init__(self, region: str, service: str) -> None:
        self._region = region
        self._service = service
        # The key of a day, and what it was derived from.
        self._derived_from: tuple[str, str] | None = None
        self._key = b""

    def sign(
        self, method: str, path: str, headers: Mapping[str, str], payload_sha256: str, *, keys: Keys, now: datetime
    ) -> dict[str, str]:
        """The headers of the signed request: the given ones, and those that the signature adds.

        Args:
            method: such as "PUT".
            path: of the address, percent-encoded.
            headers: by names in small letters, `host` among them; all are signed.
            payload_sha256: hexadecimal, of the body.
            now: in UTC.
        """
        time = now.strftime("%Y%m%dT%H%M%SZ")
        signed = {**headers, "x-amz-content-sha256": payload_sha256, "x-amz-date": time}
        if keys.token is not None:
            signed["x-amz-security-token"] = keys.token
        names = sorted(signed)
        listed = ";".join(names)
        lines = [f"{name}:{' '.join(signed[name].split())}" for name in names]
        canonical = "\n".join((method, path, "", *lines, "", listed, payload_sha256))
        scope = f"{time[:8]}/{self._region}/{self._service}/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"{_ALGORITHM}\n{time}\n{scope}\n{digest}"
        signature = hmac.digest(self._key_of(keys.secret_key, time[:8]), text.encode(), "sha256").hex()
        signed["authorization"] = (
            f"{_ALGORITHM} Credential={keys.access_key}/{scope}, SignedHeaders={listed}, Signature={signature}"
        )
        return signed

    def _key_of(self, secret_key: str, day: str) -> bytes:
        if self._derived_from != (secret_key, day):
            key = f"AWS4{secret_key}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._derived_from, self._key = (secret_key, day), key
        return self._key
