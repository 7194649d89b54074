"""A console without Kafka: its feed holds what a test gives it."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from schemas.revision import Revision
from schemas.rollout_status import RolloutStatus
from tests.unit.console.web.requests import Answer, Visitor
from tests.unit.rollouts import NOW
from worker.config.settings import load_settings
from worker.console.web.access import Scope
from worker.console.web.app import create_console
from worker.console.web.parts import ConsoleParts
from worker.console.web.rollout.feed import RolloutFeed
from worker.console.web.session import Sessions
from worker.console.web.templates import load_templates
from worker.lifecycle.clock import Clock
from worker.rollout.log.reader import RolloutLog
from worker.rollout.log.revisions import RevisionLog
from worker.speech.catalogue_file import load_catalogue


@dataclass(frozen=True)
class Somebody:
    name: str
    scopes: frozenset[str]


OPERATOR = Somebody("anna", frozenset({Scope.READ, Scope.OPERATE}))
READER = Somebody("bert", frozenset({Scope.READ}))
GAME = Somebody("game", frozenset({Scope.ENQUEUE}))


class Clients:
    """The clients of three tokens; `limited` makes everybody come too soon."""

    def __init__(self, local: Somebody | None = None) -> None:
        self.local = local
        self.known = {f"token-{each.name}": each for each in (OPERATOR, READER, GAME)}
        self.limited = False

    def authenticate(self, token: str) -> Somebody | None:
        return self.known.get(token)

    def seconds_to_wait(self, _client: object) -> int | None:
        return 7 if self.limited else None


def _no_log() -> AbstractAsyncContextManager[RolloutLog]:
    raise NotImplementedError


async def _no_rounds() -> AsyncGenerator[list[RolloutStatus], None]:
    raise NotImplementedError
    yield []


async def _no_audio(key: str) -> str:
    return f"https://audio.test/{key}"


def console_parts(
    revisions: Iterable[Revision] = (), rounds: Iterable[RolloutStatus] = (), clients: Clients | None = None
) -> ConsoleParts:
    feed = RolloutFeed(_no_log, _no_rounds)
    feed.revisions = RevisionLog()
    for each in revisions:
        feed.revisions.add(each.model_dump_json().encode())
    feed.rounds.extend(rounds)
    return ConsoleParts(
        settings=load_settings({"S3_BUCKET": "takes", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}),
        catalogue=load_catalogue(),
        clock=Clock(now=lambda: NOW),
        clients=clients or Clients(),
        sessions=Sessions("a key"),
        templates=load_templates(),
        feed=feed,
        audio_url=_no_audio,
    )


def visitor(parts: ConsoleParts) -> Visitor:
    return Visitor(create_console(parts))


async def signed_in(parts: ConsoleParts, somebody: Somebody = OPERATOR) -> Visitor:
    visiting = visitor(parts)
    answer = await visiting.post("/login", {"token": f"token-{somebody.name}"})
    assert answer.status == 303, answer.text
    return visiting


def csrf_of(answer: Answer) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', answer.text)
    assert found is not None, answer.text
    return found[1]
