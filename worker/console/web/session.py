"""The session of a signed-in visitor: encrypted in its cookie, so that several processes with one key share it."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from starlette.requests import Request
from starlette.responses import Response

COOKIE: Final = "chirp_console"
LASTS_S: Final = 12 * 3600
"""How long a session lasts after its login, in seconds."""


@dataclass(frozen=True)
class Session:
    """A session.

    Attributes:
        token: the client's. It is looked up at each request: a token that is taken away ends its sessions.
        csrf: must be in each form that changes something. Each login draws a new one.
    """

    token: str
    csrf: str


def new_session(token: str) -> Session:
    """The session that a login begins; nothing of an earlier one is kept."""
    return Session(token, secrets.token_urlsafe(24))


class Sessions:
    """Reads and writes the cookie.

    Args:
        secret: the key of all processes that share sessions; None draws one, which ends with this process.
    """

    def __init__(self, secret: str | None) -> None:
        drawn = secrets.token_urlsafe(32) if secret is None else secret
        self._cipher = Fernet(urlsafe_b64encode(hashlib.sha256(drawn.encode()).digest()))

    def read(self, request: Request) -> Session | None:
        """The session of a request; None without one, or when it is over or isn't ours."""
        cookie = request.cookies.get(COOKIE, "")
        try:
            token, csrf = json.loads(self._cipher.decrypt(cookie.encode(), ttl=LASTS_S))
        except (InvalidToken, ValueError):
            return None
        return Session(token, csrf)

    def write(self, request: Request, response: Response, session: Session) -> None:
        """Sets the cookie. It is Secure where the request came by HTTPS."""
        value = self._cipher.encrypt(json.dumps([session.token, session.csrf]).encode()).decode()
        response.set_cookie(
            COOKIE, value, max_age=LASTS_S, httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )

    def seal(self, text: str) -> str:
        """A text that this console alone can read again, for `LASTS_S`."""
        return self._cipher.encrypt(text.encode()).decode()

    def unseal(self, sealed: str) -> str:
        """The text of `seal`.

        Raises:
            InvalidToken: it is none, or is too old.
        """
        return self._cipher.decrypt(sealed.encode(), ttl=LASTS_S).decode()

    def end(self, response: Response) -> None:
        """Deletes the cookie."""
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
