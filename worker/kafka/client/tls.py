"""TLS by files that may be replaced while the process runs: each new connection uses what they hold by then.

A worker outlives a certificate of hours or days (cert-manager, Vault, SPIFFE, Strimzi). Connections that are open live
on.
"""

import ssl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import structlog
from pydantic import SecretStr

from schemas.errors import UsageError
from worker.config.secret_file import file_stamp

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class TlsFiles:
    """PEM files. Without `ca` the system's authorities count; without `certificate` the client shows none.

    Attributes:
        key: None if it is in the certificate's file.
        key_password: of the key, if it is encrypted.
        variables: how messages call `ca`, `certificate`, `key` and `key_password`.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    key_password: SecretStr | None = None
    variables: tuple[str, str, str, str] = (
        "KAFKA_SSL_CA_LOCATION",
        "KAFKA_SSL_CERTIFICATE_LOCATION",
        "KAFKA_SSL_KEY_LOCATION",
        "KAFKA_SSL_KEY_PASSWORD",
    )

    def stamps(self) -> tuple[object, ...]:
        """What differs once one of the files has changed."""
        paths = [path for path in (self.ca, self.certificate, self.key) if path is not None]
        password = self.key_password.get_secret_value() if self.key_password else None
        return (*(_stamp(path) for path in paths), password)


@lru_cache(maxsize=8)
def client_context(files: TlsFiles) -> ssl.SSLContext:
    """A context whose connections use the present content of the files; one for all clients of a process.

    So a client that is opened while a file is unusable does as the open ones do: it uses what the file held before. And
    the system's authorities, which take some 20 ms to load, are loaded once.

    Raises:
        UsageError: a file can't be used; names the setting, the path and what is wrong.
    """
    return _RenewedContext(files)


def shows_certificate(context: ssl.SSLContext | None) -> bool:
    """Whether connections of a context of `client_context` show a certificate, if the server wants one."""
    return isinstance(context, _RenewedContext) and context.shows_certificate


class _RenewedContext(ssl.SSLContext):
    """Hands each new connection to a context of what the files hold.

    A context can take a new certificate, but can't forget an authority. So there is a new one once the files have
    changed. asyncio calls nothing but `wrap_bio` for a new connection.
    """

    def __new__(cls, _files: TlsFiles) -> Self:
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._stamps = files.stamps()
        self._present = load_context(files)
        self.shows_certificate = files.certificate is not None

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        if (stamps := self._files.stamps()) != self._stamps:
            # Also if they can't be used: one message for each change.
            self._stamps = stamps
            try:
                self._present = load_context(self._files)
            # A file may vanish between two looks at it.
            except (UsageError, OSError) as error:
                _log.error("tls_files_unusable", detail=f"{error}; new connections use what the files held before")
            else:
                _log.info("tls_files_read_again", detail="new connections use them")
        return self._present.wrap_bio(*arguments, **options)


def load_context(files: TlsFiles) -> ssl.SSLContext:
    """A context of what the files hold now. Host names are always checked.

    Raises:
        UsageError: a file can't be used; names the setting, the path and what is wrong.
    """
    ca, certificate, key, password = files.variables
    _check_readable({ca: files.ca, certificate: files.certificate, key: files.key})
    try:
        context = ssl.create_default_context(cafile=files.ca)
    except ssl.SSLError:
        raise UsageError(f"{ca}={str(files.ca)!r}: holds no certificate in PEM format") from None
    if files.certificate is None:
        return context
    key_variable, key_file = (certificate, files.certificate) if files.key is None else (key, files.key)
    encrypted = b"ENCRYPTED" in key_file.read_bytes()
    if encrypted and files.key_password is None:
        raise UsageError(f"{password}: is unset, and the key in {key_variable}={str(key_file)!r} is encrypted")
    # Without any password OpenSSL would ask for one at the terminal.
    phrase = files.key_password.get_secret_value() if files.key_password else ""
    try:
        context.load_cert_chain(files.certificate, files.key, lambda: phrase)
    except (ssl.SSLError, ValueError) as error:
        raise UsageError(_chain_problem(files, error, encrypted=encrypted)) from None
    return context


def _chain_problem(files: TlsFiles, error: Exception, *, encrypted: bool) -> str:
    _, certificate, key, password = files.variables
    in_certificate = f"{certificate}={str(files.certificate)!r}"
    in_key = in_certificate if files.key is None else f"{key}={str(files.key)!r}"
    if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
        return f"{in_key}: its key isn't that of the certificate in {in_certificate}"
    if files.certificate is not None and b"BEGIN CERTIFICATE" not in files.certificate.read_bytes():
        return f"{in_certificate}: holds no certificate in PEM format"
    if encrypted:
        return f"{password}='***': doesn't open the key in {in_key}"
    return f"{in_key}: holds no key in PEM format that can be used ({getattr(error, 'reason', None) or error})"


def _check_readable(files: dict[str, Path | None]) -> None:
    for variable, path in files.items():
        if path is None:
            continue
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            raise UsageError(f"{variable}={str(path)!r}: can't be read: {error.strerror}") from None


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        return file_stamp(path)
    except OSError:
        return None
