"""The console of a test's deployment, as `chirp-worker serve` serves it, with some clients."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.stack.browser import Browser
from tests.until import until
from worker.console.access.tokens import TOKEN_BYTES, new_token, parse_client

# Each a client's name, with its scopes.
CLIENTS = {
    "anna": "read,operate",
    "bert": "read",
    "game": "enqueue",
    "lena": "listen",
    "mei": "listen",
    "nora": "read,operate,listen",
    "otto": "read,listen",
}
MADE = {
    name: new_token(parse_client(name, scopes), name.ljust(TOKEN_BYTES).encode()) for name, scopes in CLIENTS.items()
}
TOKENS = {name: token for name, (token, _) in MADE.items()}


@contextmanager
def serve_console(deployment, **settings: str) -> Iterator[str]:
    """Yields the console's address."""
    file = deployment.folder / "tokens"
    file.write_text("".join(f"{entry.line()}\n" for _, entry in MADE.values()))
    with deployment.http_api(HTTP_API_TOKENS_FILE=str(file), ROLLOUT_SOURCE="topic", **settings) as (_, address):
        yield address


async def visit_until(shown: Browser, address: str, script: str) -> None:
    """Opens a page, again and again until a script is true of it: what the console follows it may not have read yet."""

    async def holds() -> bool:
        await shown.visit(address)
        return bool(await shown.run(script))

    await until(holds)


async def log_in(shown: Browser, address: str, name: str = "anna") -> None:
    """Logs a client in as a person does, and waits for the page after the login."""
    await shown.visit(f"{address}/rollout")
    await shown.run(f"document.getElementById('token').value = {TOKENS[name]!r}")
    await shown.run("document.querySelector('main form').requestSubmit()")
    await shown.until("document.querySelector('.hero') !== null")
