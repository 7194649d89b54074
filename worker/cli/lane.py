"""The command about lanes: `lane resume`."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Final

import aiohttp
import typer

from schemas.enums import Lane
from schemas.errors import UnavailableError
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
    """Resume a lane that is paused for bad input; each worker pauses on its own."""
    settings = load_settings().worker
    for each in url or [f"http://{settings.http_host}:{settings.http_port}"]:
        paused = asyncio.run(_resume(each.rstrip("/"), lane))
        typer.echo(f"{each}: {lane.value} {'goes on' if paused else 'did not pause'}")


async def _resume(url: str, lane: Lane) -> bool:
    address = f"{url}/lanes/{lane.value}/resume"
    timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.post(address) as answer:
            if answer.status != HTTPStatus.OK:
                raise UnavailableError(f"{address} answered {answer.status}: is a chirp-worker there?")
            return bool((await answer.json())["resumed"])
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise UnavailableError(f"{address}: {error or type(error).__name__}; name the worker with --url") from None
