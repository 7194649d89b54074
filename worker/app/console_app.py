"""Builds the console, which the HTTP API's process serves at `/`."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from worker.config.settings import Settings
from worker.console.web.access import Visitors
from worker.console.web.app import create_console
from worker.console.web.parts import ConsoleParts
from worker.console.web.rollout.feed import RolloutFeed
from worker.console.web.rollout.streams import OpenStreams
from worker.console.web.session import Sessions
from worker.console.web.templates import load_templates
from worker.lifecycle.clock import Clock
from worker.rollout.controller.status import follow_statuses
from worker.rollout.log.reader import open_log
from worker.speech.catalogue import Catalogue

_API: Final = "/v1"


def build_console(
    settings: Settings,
    catalogue: Catalogue,
    visitors: Visitors,
    audio_url: Callable[[str], Awaitable[str]],
    clock: Clock,
) -> tuple[Starlette, RolloutFeed]:
    """The console, and the feed that must run beside it.

    Args:
        audio_url: the address by which players read a take now, by its key; raises StorageError.
    """
    key = settings.http_api.session_key
    feed = RolloutFeed(partial(open_log, settings.kafka, clock), partial(follow_statuses, settings.kafka, clock))
    parts = ConsoleParts(
        settings=settings,
        catalogue=catalogue,
        clock=clock,
        clients=visitors,
        sessions=Sessions(None if key is None else key.get_secret_value()),
        templates=load_templates(),
        feed=feed,
        streams=OpenStreams(settings.http_api.max_streams),
        audio_url=audio_url,
    )
    return create_console(parts), feed


class ApiAndConsole:
    """Serves both in one process: the API below `/v1`, the console everywhere else. They share no middleware."""

    def __init__(self, api: ASGIApp, console: ASGIApp) -> None:
        self._api = api
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        path = scope.get("path", "")
        is_api = path == _API or path.startswith(f"{_API}/")
        await (self._api if is_api else self._console)(scope, receive, send)
