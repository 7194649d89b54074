"""Where requests for a bucket's objects go and how they are signed, as boto resolves it."""

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

from aiobotocore.awsrequest import AioAWSResponse
from yarl import URL

from worker.storage.errors import StorageRefusedError

_EVENT: Final = "before-send.s3.HeadObject"
_KEY: Final = "key"
_SCOPE: Final = re.compile(r"Credential=[^,]*/\d{8}/([^/,]+)/([^/,]+)/aws4_request")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True)
class BucketRoute:
    """The address below which a bucket's objects are, and the region and service of signatures.

    Attributes:
        base: up to the key, percent-encoded, such as `https://bucket.s3.eu-central-1.amazonaws.com/`.
        host: as the header `Host` has it.
        path: of `base`.
    """

    base: str
    host: str
    path: str
    region: str
    service: str

    def path_of(self, key: str) -> str:
        """The path of an object's address, percent-encoded as signatures want it."""
        return self.path + quote(key, safe="/~")

    def address_of(self, key: str) -> URL:
        """An object's address."""
        return URL(self.base + quote(key, safe="/~"), encoded=True)


async def resolve_route(client: Any, bucket: str) -> BucketRoute:
    """Lets boto prepare a request as for its own use, by all its rules and configuration files, without sending it.

    Args:
        client: of S3.
        bucket: a name or an access point.

    Raises:
        BotoCoreError, ClientError: the settings are unusable, or there are no credentials.
        StorageRefusedError: boto signs the bucket's requests otherwise than by version 4 in one region.
    """
    prepared: list[Any] = []

    def answer(request: Any, **_: Any) -> AioAWSResponse:
        prepared.append(request)
        return AioAWSResponse(request.url, 200, {}, _NoBody())

    client.meta.events.register_first(_EVENT, answer)
    try:
        await client.head_object(Bucket=bucket, Key=_KEY)
    finally:
        client.meta.events.unregister(_EVENT, answer)
    return _route(prepared[0].url, prepared[0].headers)


class _NoBody:
    async def read(self) -> bytes:
        return b""


def _route(address: str, headers: Any) -> BucketRoute:
    authorization = headers.get("Authorization", "")
    scope = _SCOPE.search(authorization.decode() if isinstance(authorization, bytes) else authorization)
    parts = urlsplit(address)
    if scope is None or parts.query:
        raise StorageRefusedError(f"S3 settings: requests to {parts.netloc} aren't signed by version 4 in one region")
    base = address.removesuffix(_KEY)
    is_default = parts.port in (None, _DEFAULT_PORTS.get(parts.scheme))
    host = parts.netloc.rpartition("@")[2]
    return BucketRoute(
        base=base,
        host=host.removesuffix(f":{parts.port}") if is_default else host,
        path=urlsplit(base).path,
        region=scope[1],
        service=scope[2],
    )
