"""Builds the console, which the HTTP API's process serves at `/`."""

import secrets
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from schemas.enums import Lane
from schemas.job import Job
from schemas.topics import BATCH_RUNS, PAIRS, VERDICTS, VOTES, prefixed
from worker.batch.downloads import stored_keys
from worker.config.settings import Settings
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
from worker.kafka.scan.topic_follower import TopicFollower
from worker.kafka.scan.topic_scanner import no_progress
from worker.lifecycle.clock import Clock
from worker.listening.known_pairs import ReadyTakes
from worker.listening.matched_audio import MatchedAudio
from worker.listening.pair_maker import PairMaker
from worker.rollout.controller.status import follow_statuses
from worker.rollout.log.reader import open_log
from worker.speech.catalogue import Catalogue
from worker.storage.take_store import TakeStore

_API: Final = "/v1"
# As long as the topics of votes, pairs and verdicts keep them.
_KEPT: Final = timedelta(days=365)

Audio = Callable[[str], Awaitable[str]]
Enqueue = Callable[[Lane, Job], Awaitable[bool]]
SendEvent = Callable[[Event], Awaitable[None]]


@dataclass(frozen=True)
class Console:
    """The console's application, and what must run beside it."""

    app: Starlette
    feed: RolloutFeed
    followers: tuple[TopicFollower, ...]

    def stop(self) -> None:
        """Ends the pages' open streams."""
        self.feed.close()


def build_console(
    settings: Settings,
    catalogue: Catalogue,
    visitors: Visitors,
    *,
    audio: Audio,
    enqueue: Enqueue,
    send_event: SendEvent,
    store: TakeStore,
    clock: Clock,
) -> Console:
    """The console.

    Args:
        audio: makes the addresses by which players read takes.
        enqueue: sends a job once.
        send_event: sends what visitors cause.
        store: of the takes of blind pairs, whose addresses would tell their voice models.
    """
    kafka, api = settings.kafka, settings.http_api
    sessions = Sessions(None if api.session_key is None else api.session_key.get_secret_value())
    feed = RolloutFeed(partial(open_log, kafka, clock), partial(follow_statuses, kafka, clock))
    room = ListeningRoom(
        sessions,
        kafka,
        draw=lambda: secrets.randbelow(2) == 1,
        audio=MatchedAudio(store.fetch_whole),
        takes=ReadyTakes(store.look_up, clock.monotonic),
    )

    runs, verdicts = KnownRuns(), KnownVerdicts()
    since = clock.now() - _KEPT
    followers = {
        name: TopicFollower(kafka, name, [prefixed(topic, kafka.topic_prefix)], observe, since=since, clock=clock)
        for name, topic, observe in (
            ("votes", VOTES, room.observe_vote),
            ("pairs", PAIRS, room.pairs.observe),
            ("verdicts", VERDICTS, verdicts.observe),
            ("runs", BATCH_RUNS, runs.observe),
        )
    }

    async def find_stored(keys: Iterable[str]) -> Collection[str]:
        return (await stored_keys(store, keys, no_progress)).stored

    parts = ConsoleParts(
        settings=settings,
        catalogue=catalogue,
        clock=clock,
        clients=visitors,
        sessions=sessions,
        templates=load_templates(),
        feed=feed,
        streams=OpenStreams(api.max_streams),
        room=room,
        maker=PairMaker(settings, catalogue, find_stored, clock),
        audio_url=audio,
        fetch_take=store.fetch_whole,
        fetch_document=store.documents.fetch,
        enqueue=enqueue,
        send_event=send_event,
        runs=runs,
        runs_read=followers["runs"].caught_up.wait,
        verdicts=verdicts,
    )
    return Console(create_console(parts), feed, tuple(followers.values()))


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
