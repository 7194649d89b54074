"""Tokens of the HTTP API's clients: a line of a file for each, with the token's SHA-256 and its scopes. Pure.

A token has 256 random bits, so that its plain hash can't be searched for: salts and slow hashes are for passwords.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

TOKEN_BYTES: Final = 32
"""The random bytes of a token."""

_CLIENT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_PREFIX: Final = "chirp_"
_PARTS: Final = 3


class Scope(StrEnum):
    """What a client may do.

    Enqueue and cancel lines, read what there is, pass on what players say of lines, operate rollout and dead letters,
    judge blind pairs.
    """

    ENQUEUE = "enqueue"
    READ = "read"
    FEEDBACK = "feedback"
    OPERATE = "operate"
    LISTEN = "listen"


@dataclass(frozen=True)
class Client:
    """Who makes a request, and what it may do."""

    name: str
    scopes: frozenset[Scope]


LOCAL: Final = Client("local", frozenset(Scope))
"""Whoever is on the same machine as a process without tokens."""


@dataclass(frozen=True)
class TokenEntry:
    """A line of the file; `sha256` is the token's, in hexadecimal digits."""

    client: Client
    sha256: str

    def line(self) -> str:
        """The entry as it stands in the file."""
        scopes = ",".join(scope for scope in Scope if scope in self.client.scopes)
        return f"{self.client.name} {scopes} {self.sha256}"


def parse_client(name: str, scopes: str) -> Client:
    """A client from its name, and its scopes with commas.

    Raises:
        ValueError: names what is wrong and what is allowed.
    """
    if _CLIENT.fullmatch(name) is None:
        raise ValueError(f"client={name!r}: allowed are a-z, 0-9 and -, at most 32, the first no -")
    found = [each.strip() for each in scopes.split(",")]
    if wrong := next((each for each in found if each not in set(Scope)), None):
        raise ValueError(f"scopes={wrong!r}: allowed are {', '.join(Scope)}, with commas")
    if "" in found:
        raise ValueError(f"scopes={scopes!r}: allowed are {', '.join(Scope)}, with commas")
    return Client(name, frozenset(map(Scope, found)))


def parse_tokens(text: str) -> tuple[TokenEntry, ...]:
    """The entries of a file: `<client> <scopes> <SHA-256>` a line; empty lines and those after # don't count.

    Raises:
        ValueError: names the line, what is wrong and what is allowed; never a hash.
    """
    entries = []
    for number, line in enumerate(text.splitlines(), start=1):
        parts = line.partition("#")[0].split()
        if not parts:
            continue
        if len(parts) != _PARTS or _SHA256.fullmatch(parts[2]) is None:
            raise ValueError(f"line {number}: allowed is `<client> <scopes> <SHA-256>`, as `token new` prints it")
        try:
            entries.append(TokenEntry(parse_client(parts[0], parts[1]), parts[2]))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    return tuple(entries)


def new_token(client: Client, random: bytes) -> tuple[str, TokenEntry]:
    """A token, and its entry for the file.

    Args:
        random: `TOKEN_BYTES` random bytes.
    """
    token = _PREFIX + base64.urlsafe_b64encode(random).decode().rstrip("=")
    return token, TokenEntry(client, _digest(token))


def find_client(entries: Iterable[TokenEntry], token: str) -> Client | None:
    """The client of a token, or None. The time that it takes doesn't depend on which entry is whose."""
    digest = _digest(token)
    found = None
    for entry in entries:
        if hmac.compare_digest(entry.sha256, digest):
            found = entry.client
    return found


def missing_scope(client: Client, scope: Scope) -> str | None:
    """What a client lacks, in a sentence; None if it may."""
    if scope in client.scopes:
        return None
    return f"scope {scope.value!r} is missing: {client.name} has {_listed(client.scopes)}"


def _listed(scopes: Collection[Scope]) -> str:
    return ", ".join(scope for scope in Scope if scope in scopes) or "none"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
