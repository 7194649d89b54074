"""uvicorn's server for the HTTP API."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

BACKLOG: Final = 4096
"""Connections that the system accepts before the server does: thousands of clients may come at once."""
# Longer than load balancers keep idle connections (AWS' 60 s): a server that closes first loses requests that are on
# their way.
_KEEP_ALIVE_S: Final = 75


class ApiServer(uvicorn.Server):
    """Serves until `stop` is called.

    Args:
        grace_s: how long requests may go on after that, in seconds.
    """

    def __init__(self, app: ASGIApp, grace_s: float) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                backlog=BACKLOG,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=max(1, round(grace_s)),
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the signals to `ShutdownSignals`."""
        yield

    def stop(self) -> None:
        """Lets no new connection in, and ends after the last answer."""
        self.should_exit = True
