"""TLS by files: what is wrong with one is said in a line, and new connections use what the files hold by then."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr
from structlog.testing import capture_logs

from loadtest.stack.certificates import PemFiles, write_certificate
from schemas.errors import UsageError
from tests.unit.tcp_server import tcp_server
from worker.kafka.client.tls import TlsFiles, client_context, shows_certificate

PHRASE = "a phrase"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@asynccontextmanager
async def server(authority: trustme.CA) -> AsyncIterator[int]:
    """Shows a certificate of this authority; answers each connection with the client's, if it shows one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        shown = writer.get_extra_info("peercert") or {}
        writer.write(f"{dict(shown.get('subjectAltName', ())).get('DNS', 'nobody')}\n".encode())
        writer.close()

    async with tcp_server(answer, context) as port:
        yield port


async def greeted(port: int, context: ssl.SSLContext) -> str:
    """Whom the server sees."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        return (await reader.readline()).decode().strip()
    finally:
        writer.close()
        await writer.wait_closed()


def tls_files(files: PemFiles, phrase: str | None = None) -> TlsFiles:
    return TlsFiles(files.ca, files.certificate, files.key, SecretStr(phrase) if phrase else None)


async def test_a_connection_shows_the_certificate_that_the_file_holds_by_then(
    authority: trustme.CA, tmp_path: Path
) -> None:
    context = client_context(tls_files(write_certificate(authority, tmp_path, "first")))
    assert shows_certificate(context)
    async with server(authority) as port:
        assert await greeted(port, context) == "first"
        write_certificate(authority, tmp_path, "second")
        with capture_logs() as logs:
            assert await greeted(port, context) == "second"
            assert await greeted(port, context) == "second"
    assert [line["event"] for line in logs] == ["tls_files_read_again"]


async def test_an_authority_that_was_replaced_is_forgotten(authority: trustme.CA, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca)
    context = client_context(TlsFiles(ca))
    assert not shows_certificate(context)
    other = trustme.CA()
    async with server(authority) as old, server(other) as new:
        assert await greeted(old, context) == "nobody"
        with pytest.raises(ssl.SSLCertVerificationError):
            await greeted(new, context)
        other.cert_pem.write_to_path(ca)
        assert await greeted(new, context) == "nobody"
        with pytest.raises(ssl.SSLCertVerificationError):
            await greeted(old, context)


async def test_files_that_become_unusable_leave_what_they_held_and_are_logged_once(
    authority: trustme.CA, tmp_path: Path
) -> None:
    files = write_certificate(authority, tmp_path, "first")
    context = client_context(tls_files(files))
    async with server(authority) as port:
        with capture_logs() as logs:
            files.key.write_text("half a ke")
            assert await greeted(port, context) == "first"
            assert await greeted(port, context) == "first"
            files.key.unlink()
            assert await greeted(port, context) == "first"
    assert [line["event"] for line in logs] == ["tls_files_unusable", "tls_files_unusable"]


async def test_a_client_that_is_opened_while_a_file_is_unusable_uses_what_it_held(
    authority: trustme.CA, tmp_path: Path
) -> None:
    files = write_certificate(authority, tmp_path, "first")
    context = client_context(tls_files(files))
    files.key.write_text("half a ke")
    assert client_context(tls_files(files)) is context
    async with server(authority) as port:
        assert await greeted(port, client_context(tls_files(files))) == "first"


async def test_a_server_whose_certificate_is_for_another_host_is_refused(authority: trustme.CA, tmp_path: Path) -> None:
    context = client_context(tls_files(write_certificate(authority, tmp_path)))
    async with server(authority) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
            await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="kafka.example")


@pytest.mark.parametrize("phrase", [None, PHRASE])
def test_a_key_is_opened_with_its_phrase_and_may_stand_in_the_certificates_file(
    phrase: str | None, authority: trustme.CA, tmp_path: Path
) -> None:
    files = write_certificate(authority, tmp_path, passphrase=phrase)
    secret = SecretStr(phrase) if phrase else None
    assert shows_certificate(client_context(TlsFiles(files.ca, files.certificate, files.key, secret)))
    assert shows_certificate(client_context(TlsFiles(files.ca, files.keystore, None, secret)))


def damaged(change: Callable[[PemFiles], object]) -> Callable[[PemFiles], TlsFiles]:
    def files_of(files: PemFiles) -> TlsFiles:
        change(files)
        return tls_files(files)

    return files_of


UNUSABLE: list[tuple[Callable[[PemFiles], TlsFiles], str]] = [
    (damaged(lambda files: files.ca.unlink()), "KAFKA_SSL_CA_LOCATION='{}/ca.pem': can't be read: No such file"),
    (damaged(lambda files: files.ca.write_text("x")), "KAFKA_SSL_CA_LOCATION='{}/ca.pem': holds no certificate"),
    (damaged(lambda files: files.key.unlink()), "KAFKA_SSL_KEY_LOCATION='{}/key.pem': can't be read"),
    (damaged(lambda files: files.key.write_text("x")), "KAFKA_SSL_KEY_LOCATION='{}/key.pem': holds no key"),
    (damaged(lambda files: files.certificate.write_text("x")), "_CERTIFICATE_LOCATION='{}/certificate.pem': holds no"),
    (
        damaged(lambda files: files.key.write_bytes(trustme.CA().issue_cert("x").private_key_pem.bytes())),
        "KAFKA_SSL_KEY_LOCATION='{}/key.pem': its key isn't that of the certificate in KAFKA_SSL_CERTIFICATE_LOCATION",
    ),
    (lambda files: TlsFiles(files.ca, files.ca.parent), "KAFKA_SSL_CERTIFICATE_LOCATION='{}': can't be read: Is a dir"),
]


@pytest.mark.parametrize(("files_of", "message"), UNUSABLE, ids=[message for _, message in UNUSABLE])
def test_an_unusable_file_is_named_with_its_setting_and_what_is_wrong(
    files_of: Callable[[PemFiles], TlsFiles], message: str, authority: trustme.CA, tmp_path: Path
) -> None:
    files = files_of(write_certificate(authority, tmp_path))
    with pytest.raises(UsageError) as raised:
        client_context(files)
    assert message.format(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("phrase", "message"), [(None, "is unset"), ("wrong", "='***': doesn't open the key")])
def test_a_key_that_its_phrase_does_not_open_is_named_without_the_phrase(
    phrase: str | None, message: str, authority: trustme.CA, tmp_path: Path
) -> None:
    files = write_certificate(authority, tmp_path, passphrase=PHRASE)
    with pytest.raises(UsageError) as raised:
        client_context(tls_files(files, phrase))
    assert f"KAFKA_SSL_KEY_PASSWORD{message if phrase else ': ' + message}" in str(raised.value)
    assert "wrong" not in str(raised.value)
