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
    try:
        listening = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        raise UsageError(f"{where}: can't listen there: {error.strerror}") from None
    with listening:
        yield listening
