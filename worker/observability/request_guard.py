"""Who may change something by HTTP: whoever knows the token, from no web page of another site."""

import hmac
import ipaddress
import re
import socket
from typing import Final

from aiohttp import web
from pydantic import SecretStr

_SINGLE_LABEL: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")


def refusal(request: web.Request, token: SecretStr | None) -> web.Response | None:
    """The answer to a request that may not change anything; None if it may.

    A browser sends the Origin of the page that makes a request, and a Host that the page may have chosen by its own DNS
    (DNS rebinding). So both must be this machine's.
    """
    if not _is_ours(request.host):
        return _refused(403, "the Host is not this worker's: use its IP address, localhost or its own host name")
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != request.host:
        return _refused(403, "requests from web pages of other sites are refused")
    if token is None:
        return _refused(403, "set HTTP_TOKEN for the worker, and for `chirp-worker lane resume`")
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {token.get_secret_value()}".encode()):
        answer = _refused(401, "the header Authorization must be `Bearer` and the worker's HTTP_TOKEN")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    return None


def _is_ours(host: str) -> bool:
    """Whether a Host can't be somebody else's domain: an address, a name without a dot, or this machine's own name."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.rpartition(":")[0] or host
    try:
        ipaddress.ip_address(name)
    except ValueError:
        # A pod is addressed as worker-0.worker.namespace.svc, and its host name is worker-0.
        own = socket.gethostname().partition(".")[0].lower()
        return _SINGLE_LABEL.fullmatch(name) is not None or name.lower().startswith(f"{own}.")
    return True


def _refused(status: int, why: str) -> web.Response:
    return web.json_response({"error": why}, status=status)
