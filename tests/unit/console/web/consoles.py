"""A console without Kafka: its feed holds what a test gives it."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from schemas.enums import AudioEncoding, Lane
from schemas.job import Job
from schemas.revision import Revision
from schemas.rollout_status import RolloutStatus
from tests.unit.console.web.requests import Answer, Visitor
from tests.unit.rollouts import NOW
from worker.config.settings import load_settings
from worker.console.access.request_limits import RequestLimit
from worker.console.access.tokens import TOKEN_BYTES, Client, TokenEntry, new_token, parse_client
from worker.console.web.access import Visitors
from worker.console.web.app import create_console
from worker.console.web.listen.room import ListeningRoom
from worker.console.web.parts import ConsoleParts
from worker.console.web.rollout.feed import RolloutFeed
from worker.console.web.rollout.streams import OpenStreams
from worker.console.web.session import Sessions
from worker.console.web.templates import load_templates
from worker.lifecycle.clock import Clock
from worker.rollout.log.reader import RolloutLog
from worker.rollout.log.revisions import RevisionLog
from worker.speech.catalogue_file import load_catalogue
from worker.storage.takes import StoredTake

_SCOPES = {"anna": "read,operate", "bert": "read", "game": "enqueue", "lena": "listen"}
OPERATOR, READER, GAME, LISTENER = (parse_client(name, scopes) for name, scopes in _SCOPES.items())
EVERYBODY = (OPERATOR, READER, GAME, LISTENER)
MADE = {each.name: new_token(each, each.name.ljust(TOKEN_BYTES).encode()) for each in EVERYBODY}
ENTRIES = tuple(entry for _, entry in MADE.values())


def token_of(client: Client) -> str:
    return MADE[client.name][0]


def _no_log() -> AbstractAsyncContextManager[RolloutLog]:
    raise NotImplementedError


async def _no_rounds() -> AsyncGenerator[list[RolloutStatus], None]:
    raise NotImplementedError
    yield []


async def _no_audio(key: str) -> str:
    return f"https://audio.test/{key}"


async def _take_of(key: str) -> bytes:
    return key.encode()


async def _stored(key: str) -> StoredTake:
    return StoredTake(key, 1, "00", 1.0, AudioEncoding.OGG_OPUS, 24_000, "en-US-Wavenet-B")


async def _whole(key: str) -> tuple[StoredTake, bytes]:
    return await _stored(key), b"no audio"


async def _not_sent(_lane: Lane, _job: Job) -> bool:
    raise NotImplementedError


def console_parts(
    revisions: Iterable[Revision] = (),
    rounds: Iterable[RolloutStatus] = (),
    *,
    tokens: Callable[[], tuple[TokenEntry, ...]] | None = lambda: ENTRIES,
    per_minute: int = 0,
    pairs_file: Path | None = None,
) -> ConsoleParts:
    clock = Clock(now=lambda: NOW)
    settings = load_settings({"S3_BUCKET": "takes", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    sessions = Sessions("a key")
    feed = RolloutFeed(_no_log, _no_rounds)
    feed.revisions = RevisionLog()
    for each in revisions:
        feed.revisions.add(each.model_dump_json().encode())
    feed.rounds.extend(rounds)
    return ConsoleParts(
        settings=settings,
        catalogue=load_catalogue(),
        clock=clock,
        clients=Visitors(tokens, RequestLimit(per_minute), clock),
        sessions=sessions,
        templates=load_templates(),
        feed=feed,
        streams=OpenStreams(2),
        room=ListeningRoom(pairs_file, sessions, settings.kafka, draw=lambda: True, fetch=_take_of, look_up=_stored),
        audio_url=_no_audio,
        fetch_take=_whole,
        enqueue=_not_sent,
    )


def visitor(parts: ConsoleParts) -> Visitor:
    return Visitor(create_console(parts))


async def signed_in(parts: ConsoleParts, somebody: Client = OPERATOR) -> Visitor:
    visiting = visitor(parts)
    answer = await visiting.post("/login", {"token": token_of(somebody)})
    assert answer.status == 303, answer.text
    return visiting


def csrf_of(answer: Answer) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', answer.text)
    assert found is not None, answer.text
    return found[1]
