"""Who visits the console: the client of a token, with its scopes."""

from collections.abc import Collection
from enum import StrEnum
from typing import Protocol


class Scope(StrEnum):
    """What a token may do: send jobs, see what there is, change the rollout and replay dead letters."""

    ENQUEUE = "enqueue"
    READ = "read"
    OPERATE = "operate"


class Client(Protocol):
    """The client that a token belongs to."""

    @property
    def name(self) -> str:
        """Its name, which stands as the actor in what it changes."""

    @property
    def scopes(self) -> Collection[str]:
        """What it may do."""


class Clients(Protocol):
    """The clients of the tokens file, and how often they may come."""

    @property
    def local(self) -> Client | None:
        """Who visits without a token where there is no tokens file, on the same machine alone; None where there is."""

    def authenticate(self, token: str) -> Client | None:
        """The client with this token; None if there is none, or not any more."""

    def seconds_to_wait(self, client: Client) -> int | None:
        """Counts a request; None if it is within the client's limit, else after how many seconds the next one is."""
