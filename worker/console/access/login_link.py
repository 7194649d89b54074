"""The link by which a listener logs in to the console.

The token stands behind #: browsers send that part to no server, and name it in no Referer.
"""

from typing import Final
from urllib.parse import quote, urlsplit

_SCHEMES: Final = frozenset({"http", "https"})


def login_link(console: str, token: str) -> str:
    """The link.

    Args:
        console: its address, as people open it.

    Raises:
        ValueError: it is no address of a console.
    """
    found = urlsplit(console)
    if found.scheme not in _SCHEMES or not found.netloc or found.path.strip("/") or found.query or found.fragment:
        raise ValueError(f"console={console!r}: allowed is an address such as https://voices.example.com")
    return f"{found.scheme}://{found.netloc}/login#token={quote(token, safe='')}"
