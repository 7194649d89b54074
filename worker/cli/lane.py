"""The command about lanes: `lane resume`."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Final

import aiohttp
import typer
from pydantic import SecretStr

from schemas.enums import Lane
from schemas.errors import UnavailableError, UsageError
from worker.cli import terminal
from worker.config.settings import load_settings

_ANSWER_S: Final = 10.0

app = typer.Typer(no_args_is_help=True, help="The lanes of running workers.")


@app.callback()
def _lanes() -> None:
    # Without a callback typer would make the only command the group itself.
    pass


@app.command()
def resume(
    lane: Annotated[Lane, typer.Argument(help="Which lane.")],
    url: Annotated[
        list[str] | None,
        typer.Option(help="A worker's HTTP address; several, once each. Default: HTTP_HOST:HTTP_PORT."),
    ] = None,
) -> None:
    """Resume a lane that is paused for bad input; each worker pauses on its own. Needs the workers' HTTP_TOKEN."""
    settings = load_settings().worker
    if settings.http_token is None:
        raise UsageError("HTTP_TOKEN is unset: set it to the workers' token, here and for the workers")
    for each in url or [f"http://{settings.http_host}:{settings.http_port}"]:
        paused = asyncio.run(_resume(each.rstrip("/"), lane, settings.http_token))
        terminal.say(f"{each}: {lane.value} {'goes on' if paused else 'did not pause'}")


async def _resume(url: str, lane: Lane, token: SecretStr) -> bool:
    address = f"{url}/lanes/{lane.value}/resume"
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
    timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
    try:
        # Not after a redirection: the token is for the worker alone.
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(address, headers=headers, allow_redirects=False) as answer,
        ):
            if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                raise UsageError(f"{address} refused: {str((await answer.json())['error'])[:200]}")
            if answer.status != HTTPStatus.OK:
                raise UnavailableError(f"{address} answered {answer.status}: is a chirp-worker there?")
            return bool((await answer.json())["resumed"])
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
        raise UnavailableError(f"{address}: {error or type(error).__name__}; name the worker with --url") from None
