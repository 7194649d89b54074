"""Opens the socket that the HTTP API listens at, and refuses one that others could reach without tokens."""

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from schemas.errors import UsageError
from worker.config.http_api import HttpApiSettings
from worker.console.api.server import BACKLOG


@contextmanager
def listening_socket(settings: HttpApiSettings) -> Iterator[socket.socket]:
    """A listening socket, closed at the end of the context.

    Raises:
        UsageError: there are no tokens and the address isn't a loopback one, or nothing can listen there.
    """
    where = f"HTTP_API_HOST={settings.host!r}, HTTP_API_PORT={settings.port}"
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise UsageError(f"{where}: can't listen there: {error.strerror}") from None
    family, _, _, _, address = found[0]
    if settings.tokens_file is None and not ipaddress.ip_address(address[0]).is_loopback:
        raise UsageError(
            f"HTTP_API_HOST={settings.host!r}: without HTTP_API_TOKENS_FILE allowed is a loopback address, such as "
            "127.0.0.1; `chirp-worker token new` makes tokens"
        )
    # Of this protocol by name, as `socket.create_server` makes none: only then asyncio sets TCP_NODELAY, without which
    # each answer, sent in two parts, would wait 40 ms for the client's delayed acknowledgement.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        # A process that is started again may listen where its predecessor's connections still end.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(address)
            listening.listen(BACKLOG)
        except OSError as error:
            raise UsageError(f"{where}: can't listen there: {error.strerror}") from None
        yield listening
