"""An OIDC token endpoint for clients with an id and a secret, whose tokens brokers verify by its public key."""

import base64
import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final, Self

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.auth.crypt import RSASigner
from google.auth.jwt import encode

CLIENT: Final = "worker"
SECRET: Final = "secret-of-the-worker"  # noqa: S105  # of a client that exists while a test runs
AUDIENCE: Final = "kafka"
ISSUER: Final = "https://tokens.example"
_KEY_ID: Final = "1"


class TokenEndpoint:
    """Serves tokens on a free loopback port while the context lasts.

    Attributes:
        lifetime_s: of the next tokens.
        claims: change the next tokens' claims.
        issued: how many tokens were issued.
    """

    def __init__(self) -> None:
        self.lifetime_s = 3600.0
        self.claims: Mapping[str, object] = {}
        self.issued = 0
        self._key = generate_private_key(65537, 2048)
        pem = self._key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        self._signer = RSASigner.from_string(pem, _KEY_ID)  # type: ignore[no-untyped-call]
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        """The address to which clients post."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/token"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, name="token endpoint", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def write_keys(self, path: Path) -> None:
        """Writes the public key as a JSON Web Key Set, by which brokers verify tokens."""
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "kid": _KEY_ID, "use": "sig", "alg": "RS256"}
        path.write_text(json.dumps({"keys": [{**key, "n": _number(numbers.n), "e": _number(numbers.e)}]}), "utf-8")

    def token(self) -> dict[str, object]:
        """A token as the endpoint answers it: RFC 6749, section 4.4.3."""
        now = time.time()
        self.issued += 1
        claims = {"sub": CLIENT, "aud": AUDIENCE, "iss": ISSUER, "iat": now, "exp": now + self.lifetime_s}
        token = encode(self._signer, {**claims, **self.claims}).decode()  # type: ignore[no-untyped-call]
        return {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime_s}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self
        login = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("Authorization") == f"Basic {login}":
                    self._answer(HTTPStatus.OK, endpoint.token())
                else:
                    refusal = {"error": "invalid_client", "error_description": "the client's secret is wrong"}
                    self._answer(HTTPStatus.UNAUTHORIZED, refusal)

            def _answer(self, status: HTTPStatus, fields: Mapping[str, object]) -> None:
                body = json.dumps(fields).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing: the tests' output is theirs."""

        return Handler


def _number(value: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode().rstrip("=")
