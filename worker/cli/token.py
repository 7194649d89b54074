"""The command about tokens of the HTTP API: `token new`."""

import secrets
from typing import Annotated

import typer

from schemas.errors import UsageError
from worker.cli import terminal

app = typer.Typer(no_args_is_help=True, help="Tokens of the HTTP API's clients.")


@app.callback()
def _tokens() -> None:
    # Without a callback typer would make the only command the group itself.
    pass


@app.command()
def new(
    client: Annotated[str, typer.Option(help="Who uses the token: a-z, 0-9 and -.")],
    scopes: Annotated[str, typer.Option(help="enqueue, read, feedback, operate, listen; several with commas.")],
    console: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The console's address: prints a link that logs in, too."),
    ] = None,
) -> None:
    """Print a new token and, on the line after it, what goes into the file HTTP_API_TOKENS_FILE. Neither is kept."""
    from worker.console.access.login_link import login_link
    from worker.console.access.tokens import TOKEN_BYTES, new_token, parse_client

    try:
        token, entry = new_token(parse_client(client, scopes), secrets.token_bytes(TOKEN_BYTES))
        link = None if console is None else login_link(console, token)
    except ValueError as error:
        raise UsageError(str(error)) from None
    terminal.note("the first line is the token, shown only now; the second one belongs into HTTP_API_TOKENS_FILE")
    terminal.say(token)
    terminal.say(entry.line())
    if link is not None:
        terminal.note("the third line is a link for the client alone: whoever has it has the token")
        terminal.say(link)
