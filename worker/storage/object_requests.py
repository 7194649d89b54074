"""HEAD, PUT and GET of objects: two of them are made for each job, so they leave out what boto does for every request.

boto resolves the address and finds the credentials, and its client lends its connections: with them go the proxy, the
authorities and the time-outs. A request here is signed by `worker/storage/signature.py`, sent once by aiohttp, and its
errors are boto's own `ClientError`, read by boto's parser.
"""

import asyncio
import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Literal

import aiohttp
from botocore.exceptions import ClientError, FlexibleChecksumError, NoCredentialsError
from botocore.parsers import create_parser

from worker.lifecycle.clock import Clock
from worker.storage.bucket_route import BucketRoute, resolve_route
from worker.storage.s3_errors import STORE_ERRORS
from worker.storage.signature import EMPTY_SHA256, Keys, Signer

_OPERATIONS: Final = {"HEAD": "HeadObject", "PUT": "PutObject", "GET": "GetObject"}
_METADATA: Final = "x-amz-meta-"
_CRC32: Final = "x-amz-checksum-crc32"
_PARSER: Final = create_parser("rest-xml")
_ELSEWHERE: Final = frozenset({HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.TEMPORARY_REDIRECT})
_OTHER_REGION: Final = frozenset({"AuthorizationHeaderMalformed", "IllegalLocationConstraintException"})


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class _Target:
    """Where requests go, by which signature, and over whose connections."""

    route: BucketRoute
    signer: Signer
    session: aiohttp.ClientSession
    proxy: str | None


async def _open_target(boto: Any, route: BucketRoute) -> _Target:
    http = boto._endpoint.http_session  # noqa: SLF001  # has the authorities, the proxy and the time-outs
    proxy = http._proxy_config.proxy_url_for(route.base)  # noqa: SLF001
    lent = await http._get_session(proxy)  # noqa: SLF001
    session = aiohttp.ClientSession(
        connector=lent.connector,
        connector_owner=False,
        timeout=lent.timeout,
        # Neither does a store set cookies, nor may anything on the way compress audio.
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        headers={"User-Agent": "chirp-worker", "Accept-Encoding": "identity"},
        skip_auto_headers=("Accept", "Content-Type"),
    )
    return _Target(route, Signer(route.region, route.service), session, proxy)


class ObjectRequests:
    """Requests for the objects of one bucket.

    Args:
        boto: a client of S3; it must stay open as long as this.
        credentials: of boto's session; None if it has none.
        encryption: headers of each upload, by which the store encrypts the object.
        checksums: whether uploads and downloads have a CRC32.
    """

    def __init__(
        self,
        boto: Any,
        credentials: Any,
        bucket: str,
        *,
        encryption: Mapping[str, str],
        checksums: Literal["when_supported", "when_required"],
        clock: Clock,
    ) -> None:
        self._boto = boto
        self._credentials = credentials
        self._bucket = bucket
        self._encryption = encryption
        self._checksums = checksums == "when_supported"
        self._clock = clock
        self._resolving = asyncio.Lock()
        self._target: _Target | None = None

    async def close(self) -> None:
        """Closes what this opened; the connections are boto's."""
        if self._target is not None:
            await self._target.session.close()

    async def head(self, key: str) -> tuple[int, dict[str, str]] | None:
        """An object's size and metadata; None if there is none.

        Raises:
            ClientError: the store refused the request.
            BotoCoreError: there are no credentials, or the settings are unusable.
            aiohttp.ClientError, TimeoutError, OSError: the store wasn't reached.
        """
        answer = await self._request("HEAD", key, {})
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        return int(answer.headers.get("Content-Length", 0)), _metadata(answer)

    async def put_if_new(
        self, key: str, body: bytes, *, sha256: str, headers: Mapping[str, str], metadata: Mapping[str, str]
    ) -> bool:
        """Stores an object unless its key is taken.

        Args:
            key: the object's.
            body: its content.
            sha256: of the body, hexadecimal: the store refuses another body.
            headers: that are stored with it, by names in small letters.
            metadata: by names in small letters.

        Returns:
            Whether the answer is a store's: a proxy's page may have a good status too.

        Raises:
            ClientError: the store refused the request; status 412 or 304 since the key is taken.
            BotoCoreError: there are no credentials, or the settings are unusable.
            aiohttp.ClientError, TimeoutError, OSError: the store wasn't reached.
        """
        sent = {**headers, **self._encryption, "if-none-match": "*"}
        sent.update({_METADATA + name: value for name, value in metadata.items()})
        if self._checksums:
            sent |= {"x-amz-sdk-checksum-algorithm": "CRC32", _CRC32: _crc32(body)}
        answer = await self._request("PUT", key, sent, body, sha256)
        return "ETag" in answer.headers and not answer.body

    async def get(self, key: str) -> tuple[bytes, dict[str, str]]:
        """An object's content and metadata.

        Raises:
            ClientError: the store refused the request; its code is "NoSuchKey" if there is no such object.
            BotoCoreError: there are no credentials, the settings are unusable, or the content isn't what was stored.
            aiohttp.ClientError, TimeoutError, OSError: the store wasn't reached.
        """
        answer = await self._request("GET", key, {"x-amz-checksum-mode": "ENABLED"} if self._checksums else {})
        stored = answer.headers.get(_CRC32) if self._checksums else None
        # With a hyphen it is of an object's parts, whose sizes aren't known here.
        if stored is not None and "-" not in stored and stored != _crc32(answer.body):
            raise FlexibleChecksumError(
                error_msg=f"the CRC32 of {key} is {_crc32(answer.body)}, not {stored} as stored"
            )
        return answer.body, _metadata(answer)

    async def _request(
        self, method: str, key: str, headers: Mapping[str, str], body: bytes | None = None, sha256: str = EMPTY_SHA256
    ) -> _Answer:
        answer = await self._send(method, key, headers, body, sha256)
        if _is_good(method, answer):
            return answer
        error = _refusal(method, answer)
        if not _is_elsewhere(method, error) or not await self._find_region():
            raise error
        answer = await self._send(method, key, headers, body, sha256)
        if not _is_good(method, answer):
            raise _refusal(method, answer)
        return answer

    async def _send(
        self, method: str, key: str, headers: Mapping[str, str], body: bytes | None, sha256: str
    ) -> _Answer:
        if self._credentials is None:
            raise NoCredentialsError
        target = self._target or await self._resolve()
        route = target.route
        found = await self._credentials.get_frozen_credentials()
        keys = Keys(found.access_key, found.secret_key, found.token)
        given = {**headers, "host": route.host}
        signed = target.signer.sign(method, route.path_of(key), given, sha256, keys=keys, now=self._clock.now())
        async with target.session.request(
            method,
            route.address_of(key),
            data=body,
            headers=signed,
            allow_redirects=False,
            proxy=target.proxy,
        ) as response:
            return _Answer(response.status, response.headers, await response.read())

    async def _resolve(self) -> _Target:
        async with self._resolving:
            if self._target is None:
                self._target = await _open_target(self._boto, await resolve_route(self._boto, self._bucket))
            return self._target

    async def _find_region(self) -> bool:
        """Lets boto find the bucket's region, as it does for its own requests; returns whether it is another one."""
        async with self._resolving:
            try:
                await self._boto.head_bucket(Bucket=self._bucket)
                route = await resolve_route(self._boto, self._bucket)
            except STORE_ERRORS:
                # What the object's own request was refused with says more.
                return False
            old = self._target
            if old is not None and old.route == route:
                return False
            self._target = await _open_target(self._boto, route)
            if old is not None:
                # Requests that run on it end as they would have.
                await old.session.close()
        return True


def _is_good(method: str, answer: _Answer) -> bool:
    return answer.status < HTTPStatus.MULTIPLE_CHOICES or (method == "HEAD" and answer.status == HTTPStatus.NOT_FOUND)


def _refusal(method: str, answer: _Answer) -> ClientError:
    # Only from 301 on the parser takes an answer for an error.
    status = max(answer.status, HTTPStatus.MOVED_PERMANENTLY)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    parsed = _PARSER.parse({"status_code": status, "headers": headers, "body": answer.body}, None)
    return ClientError(parsed, _OPERATIONS[method])


def _is_elsewhere(method: str, error: ClientError) -> bool:
    """Whether the bucket may be in another region than boto took it for."""
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    # An answer to HEAD has no body that would say more.
    return (
        status in _ELSEWHERE
        or error.response["Error"].get("Code") in _OTHER_REGION
        or (method == "HEAD" and status == HTTPStatus.BAD_REQUEST)
    )


def _metadata(answer: _Answer) -> dict[str, str]:
    start = len(_METADATA)
    named = ((name.lower(), value) for name, value in answer.headers.items())
    return {name[start:]: value for name, value in named if name.startswith(_METADATA)}


def _crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4)).decode()
