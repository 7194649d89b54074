"""Who visits the console: the client of a token of the HTTP API, within the same limits."""

from collections.abc import Callable
from dataclasses import dataclass

from worker.console.access.request_limits import RequestLimit
from worker.console.access.tokens import LOCAL, Client, TokenEntry, find_client
from worker.lifecycle.clock import Clock


@dataclass(frozen=True)
class Visitors:
    """The clients of the tokens file, and how often they may come.

    Attributes:
        tokens: returns the present entries; None: everybody on this machine is `LOCAL`.
        requests: the limit of all requests of a client, to the API and the console together.
    """

    tokens: Callable[[], tuple[TokenEntry, ...]] | None
    requests: RequestLimit
    clock: Clock

    @property
    def local(self) -> Client | None:
        """Who visits without a token where there is no tokens file; None where there is one."""
        return LOCAL if self.tokens is None else None

    def authenticate(self, token: str) -> Client | None:
        """The client with this token; None if there is none, or not any more."""
        return None if self.tokens is None else find_client(self.tokens(), token)

    def seconds_to_wait(self, client: Client) -> int | None:
        """Counts a request; None if it is within the client's limit, else after how many seconds the next one is."""
        return self.requests.take(client.name, self.clock.monotonic())
