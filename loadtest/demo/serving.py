"""Starts `chirp-worker serve` for whoever keeps the demo running: the HTTP API and the console, with a token."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtest.stack.local_stack import worker_process
from loadtest.stack.ports import free_ports
from worker.console.access.tokens import TOKEN_BYTES, Scope, new_token, parse_client

_CLIENT = "demo"


@dataclass(frozen=True)
class Served:
    """Where the API and the console are, and a token that may do everything there."""

    address: str
    token: str


@contextmanager
def serve_process(environment: Mapping[str, str], folder: Path) -> Iterator[Served]:
    """Serves until the context ends.

    Args:
        environment: the settings of the worker beside it.
        folder: for its log and its tokens file.

    Raises:
        StackError: it ended or isn't ready in time.
    """
    token, entry = new_token(parse_client(_CLIENT, ",".join(Scope)), secrets.token_bytes(TOKEN_BYTES))
    tokens = folder / "tokens"
    tokens.write_text(f"{entry.line()}\n", encoding="utf-8")
    (port,) = free_ports(1)
    settings = {**environment, "HTTP_API_PORT": str(port), "HTTP_API_TOKENS_FILE": str(tokens)}
    with worker_process(settings, folder, "serve", ("serve",)):
        yield Served(f"http://127.0.0.1:{port}", token)
