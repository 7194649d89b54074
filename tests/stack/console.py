"""The console of a test's deployment, served over HTTP by this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import uvicorn

from worker.config.settings import load_settings
from worker.console.web.access import Scope
from worker.console.web.app import create_console
from worker.console.web.parts import ConsoleParts
from worker.console.web.rollout.feed import RolloutFeed
from worker.console.web.session import Sessions
from worker.console.web.templates import load_templates
from worker.lifecycle.clock import Clock
from worker.rollout.controller.status import follow_statuses
from worker.rollout.log.reader import open_log
from worker.speech.catalogue_file import load_catalogue
from worker.storage.errors import StorageUnavailableError


@dataclass(frozen=True)
class Visitor:
    name: str
    scopes: frozenset[str]


ANNA = Visitor("anna", frozenset({Scope.READ, Scope.OPERATE}))
BERT = Visitor("bert", frozenset({Scope.READ}))
CARL = Visitor("carl", frozenset({Scope.ENQUEUE}))
TOKENS = {f"chirp_{each.name}": each for each in (ANNA, BERT, CARL)}


class Clients:
    local = None

    def authenticate(self, token):
        return TOKENS.get(token)

    def seconds_to_wait(self, _client):
        return None


async def no_audio(_key):
    raise StorageUnavailableError("not here")


@asynccontextmanager
async def serve_console(deployment) -> AsyncIterator[str]:
    settings = load_settings(deployment.environment)
    clock = Clock()
    feed = RolloutFeed(partial(open_log, settings.kafka, clock), partial(follow_statuses, settings.kafka, clock))
    parts = ConsoleParts(settings, load_catalogue(), clock, Clients(), Sessions(None), load_templates(), feed, no_audio)
    server = uvicorn.Server(
        uvicorn.Config(create_console(parts), host="127.0.0.1", port=0, log_config=None, lifespan="off", ws="none")
    )
    following = asyncio.create_task(feed.run())
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        await feed.close()
        server.should_exit = True
        await serving
        following.cancel()
