"""Has aiobotocore check that a server's certificate is its host's own.

botocore's TLS context checks no host names, because urllib3 does it there; aiohttp, which aiobotocore 2.25 has in its
place, doesn't. Any certificate of a known authority would be good for any host. And through a proxy aiobotocore checks
no certificate at all.
"""

import ssl
from typing import Any

import aiohttp
from aiobotocore.httpsession import AIOHTTPSession
from botocore.httpsession import create_urllib3_context, get_cert_path


def check_server_certificates() -> None:
    """Makes all sessions of aiobotocore check certificates, also those in which boto fetches credentials from STS."""
    AIOHTTPSession._create_connector = _create_connector  # noqa: SLF001


def _create_connector(self: Any, proxy_url: str | None) -> aiohttp.TCPConnector:  # noqa: ARG001  # the same for both
    return aiohttp.TCPConnector(
        limit=self._max_pool_connections,
        ssl=_context(self) if self._verify else False,
        **self._connector_args,
    )


def _context(session: Any) -> ssl.SSLContext:
    context: ssl.SSLContext = create_urllib3_context()
    context.check_hostname = True
    context.load_verify_locations(get_cert_path(session._verify))  # noqa: SLF001
    if session._cert_file:  # noqa: SLF001
        context.load_cert_chain(session._cert_file, session._key_file)  # noqa: SLF001
    return context
