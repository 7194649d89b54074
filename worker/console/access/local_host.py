"""Whether a request's Host is this machine's loopback. Pure.

Without tokens everybody on this machine may do everything. A web page in its browser may have led its own host name to
this address (DNS rebinding): its requests carry that name.
"""

from typing import Final

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})


def is_loopback(host: str) -> bool:
    """Whether the header Host, with or without a port, names a loopback address."""
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return name in LOOPBACK
