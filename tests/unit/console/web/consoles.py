"""A console without Kafka: its feed holds what a test gives it."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager

import numpy as np
import soundfile

from schemas.enums import AudioEncoding, Lane
from schemas.job import Job
from schemas.pair import Pair
from schemas.revision import Revision
from schemas.rollout_status import RolloutStatus
from tests.unit.console.web.requests import Answer, Visitor
from tests.unit.rollouts import NOW
from worker.config.settings import load_settings
from worker.console.access.request_limits import RequestLimit
from worker.console.access.tokens import TOKEN_BYTES, Client, TokenEntry, new_token, parse_client
from worker.console.web.access import Visitors
from worker.console.web.app import create_console
from worker.console.web.batch.runs import KnownRuns
from worker.console.web.batch.verdicts import KnownVerdicts
from worker.console.web.listen.room import ListeningRoom
from worker.console.web.parts import ConsoleParts
from worker.console.web.rollout.feed import RolloutFeed
from worker.console.web.rollout.streams import OpenStreams
from worker.console.web.session import Sessions
from worker.console.web.templates import load_templates
from worker.kafka.client.events import Event
from worker.lifecycle.clock import Clock
from worker.listening.known_pairs import ReadyTakes
from worker.listening.matched_audio import MatchedAudio
from worker.listening.pair_maker import PairMaker
from worker.rollout.log.reader import RolloutLog
from worker.rollout.log.revisions import RevisionLog
from worker.speech.catalogue_file import load_catalogue
from worker.storage.takes import StoredTake

_SCOPES = {"anna": "read,operate", "bert": "read", "game": "enqueue", "lena": "listen", "mei": "read,listen"}
OPERATOR, READER, GAME, LISTENER, DIRECTOR = (parse_client(name, scopes) for name, scopes in _SCOPES.items())
EVERYBODY = (OPERATOR, READER, GAME, LISTENER, DIRECTOR)
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


async def _stored(key: str) -> StoredTake | None:
    return (
        None if "missing" in key else StoredTake(key, 1, "00", 1.0, AudioEncoding.LINEAR16, 24_000, "en-US-Wavenet-B")
    )


async def _fetched(key: str) -> tuple[StoredTake, bytes] | None:
    """A tone, Chirp's four times as loud as WaveNet's."""
    stored = await _stored(key)
    if stored is None:
        return None
    tone = np.sin(np.arange(24_000) / 24) * (0.8 if "chirp3-hd" in key else 0.2)
    file = io.BytesIO()
    soundfile.write(file, tone, 24_000, format="WAV", subtype="PCM_16")
    return stored, file.getvalue()


async def _all_missing(_keys: Iterable[str]) -> frozenset[str]:
    return frozenset()


async def _whole(key: str) -> tuple[StoredTake, bytes]:
    return await _stored(key), b"no audio"


async def _no_document(_key: str, _size: int) -> bytes | None:
    return None


async def _not_sent(_lane: Lane, _job: Job) -> bool:
    raise NotImplementedError


async def _read() -> None:
    return None


async def _send_event(_event: Event) -> None:
    raise NotImplementedError


def console_parts(
    revisions: Iterable[Revision] = (),
    rounds: Iterable[RolloutStatus] = (),
    *,
    tokens: Callable[[], tuple[TokenEntry, ...]] | None = lambda: ENTRIES,
    per_minute: int = 0,
    pairs: Iterable[Pair] = (),
    send_event: Callable[[Event], Awaitable[None]] | None = None,
) -> ConsoleParts:
    clock = Clock(now=lambda: NOW)
    settings = load_settings({"S3_BUCKET": "takes", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    sessions = Sessions("a key")
    feed = RolloutFeed(_no_log, _no_rounds)
    feed.revisions = RevisionLog()
    for each in revisions:
        feed.revisions.add(each.model_dump_json().encode())
    feed.rounds.extend(rounds)
    room = ListeningRoom(
        sessions,
        settings.kafka,
        draw=lambda: True,
        audio=MatchedAudio(_fetched),
        takes=ReadyTakes(_stored, clock.monotonic),
    )
    for pair in pairs:
        room.pairs.add(pair)
    catalogue = load_catalogue()
    return ConsoleParts(
        settings=settings,
        catalogue=catalogue,
        clock=clock,
        clients=Visitors(tokens, RequestLimit(per_minute), clock),
        sessions=sessions,
        templates=load_templates(),
        feed=feed,
        streams=OpenStreams(2),
        room=room,
        maker=PairMaker(settings, catalogue, _all_missing, clock),
        audio_url=_no_audio,
        fetch_take=_whole,
        fetch_document=_no_document,
        enqueue=_not_sent,
        send_event=_send_event if send_event is None else send_event,
        runs=KnownRuns(),
        runs_read=_read,
        verdicts=KnownVerdicts(),
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
