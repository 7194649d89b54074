"""A store's certificate is checked: its authority, its name, its time; with a proxy in between too."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from aiobotocore.httpsession import AIOHTTPSession
from aiohttp import web
from botocore.httpsession import create_urllib3_context

from tests.unit.tcp_server import tcp_server
from worker.config.settings import load_settings
from worker.storage.causes import EXPIRED, OTHER_NAME, UNKNOWN_AUTHORITY, Cause
from worker.storage.client import connect_store
from worker.storage.errors import StoreUnusableError
from worker.storage.take_store import TakeStore

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return made


@asynccontextmanager
async def store_with(certificate: trustme.LeafCert) -> AsyncIterator[str]:
    """The address of a store that answers every request well."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="<ListBucketResult/>", content_type="application/xml")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def proxy() -> AsyncIterator[tuple[str, list[str]]]:
    """The address of a proxy for CONNECT, and the first lines of its requests."""
    lines: list[str] = []

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                target.write(data)
        finally:
            target.close()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines.append(head.splitlines()[0])
        host, port = lines[-1].split()[1].split(":")
        to_reader, to_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(pump(reader, to_writer), pump(to_reader, writer), return_exceptions=True)

    async with tcp_server(tunnel) as port:
        yield f"http://127.0.0.1:{port}", lines


REQUESTS: list[Callable[[TakeStore], Awaitable[object]]] = [
    lambda store: store.check_bucket(),
    lambda store: store.fetch("x"),
]


async def check(address: str, request: Callable[[TakeStore], Awaitable[object]], **settings: str) -> None:
    given = {"S3_ENDPOINT_URL": address, "S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "b", "S3_TIMEOUT_S": "60"}
    async with connect_store(load_settings({**given, **settings}).storage, 2) as store:
        await request(store)


@pytest.mark.parametrize("request_of", REQUESTS)
async def test_a_certificate_of_the_own_authority_and_name_is_accepted(
    authority: trustme.CA, tmp_path: Path, request_of: Callable[[TakeStore], Awaitable[object]]
) -> None:
    async with store_with(authority.issue_cert("127.0.0.1")) as address:
        await check(address, request_of, S3_CA_FILE=str(tmp_path / "ca.pem"))


@pytest.mark.parametrize("through_proxy", [False, True])
@pytest.mark.parametrize("cause", [OTHER_NAME, UNKNOWN_AUTHORITY, EXPIRED])
@pytest.mark.parametrize("request_of", REQUESTS)
async def test_any_other_certificate_is_refused_with_what_to_do(
    authority: trustme.CA,
    tmp_path: Path,
    cause: Cause,
    request_of: Callable[[TakeStore], Awaitable[object]],
    *,
    through_proxy: bool,
) -> None:
    issuer = trustme.CA() if cause is UNKNOWN_AUTHORITY else authority
    name = "10.0.0.1" if cause is OTHER_NAME else "127.0.0.1"
    certificate = issuer.issue_cert(name, not_after=LONG_AGO if cause is EXPIRED else None)
    async with store_with(certificate) as address, proxy() as (proxy_address, lines):
        by_proxy = {"S3_PROXY_URL": proxy_address} if through_proxy else {}
        with pytest.raises(StoreUnusableError) as refused:
            await check(address, request_of, S3_CA_FILE=str(tmp_path / "ca.pem"), **by_proxy)
    assert refused.value.cause is cause
    assert bool(lines) == through_proxy


@pytest.mark.parametrize("request_of", REQUESTS)
async def test_a_store_is_reached_through_a_proxy(
    authority: trustme.CA, tmp_path: Path, request_of: Callable[[TakeStore], Awaitable[object]]
) -> None:
    async with store_with(authority.issue_cert("127.0.0.1")) as address, proxy() as (proxy_address, lines):
        await check(address, request_of, S3_CA_FILE=str(tmp_path / "ca.pem"), S3_PROXY_URL=proxy_address)
    assert lines == [f"CONNECT {address.removeprefix('https://')} HTTP/1.1"]


def test_the_library_alone_would_not_check_names() -> None:
    assert not create_urllib3_context().check_hostname, "or the module that mends it has no object any more"
    assert callable(AIOHTTPSession._create_connector)
