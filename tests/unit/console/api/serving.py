"""The HTTP API in this process, with stand-ins for Kafka and the store, reached by real HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
from prometheus_client import CollectorRegistry

from schemas.cancellation import Cancellation
from schemas.completion import Audio, Completion
from schemas.enums import AudioEncoding, JobStatus, Lane
from schemas.job import Job
from tests.unit.makers import CATALOGUE
from worker.app.api_socket import listening_socket
from worker.config.settings import load_settings
from worker.console.access.request_limits import RequestLimit
from worker.console.access.tokens import TOKEN_BYTES, TokenEntry, new_token, parse_client
from worker.console.api.app import create_app
from worker.console.api.parts import ApiParts
from worker.console.api.server import ApiServer
from worker.console.lines.event_positions import Positions, Resumption
from worker.console.lines.event_streams import CompletionEvent, EventStreams
from worker.console.lines.line_sender import LineSender
from worker.console.lines.line_streams import LineStreams
from worker.console.lines.recent_lines import RecentLines
from worker.console.lines.take_finder import TakeFinder
from worker.console.lines.waiters import Waiters
from worker.console.measurement import MeasureRequests
from worker.console.metrics import HttpApiMetrics
from worker.kafka.client.events import Event
from worker.lifecycle.clock import Clock
from worker.storage.takes import StoredTake

LINE = {"character": "codsworth", "text": "Welcome home."}
KEY = "takes/codsworth/wavenet/00/00.ogg"


def token(name: str, scopes: str) -> tuple[str, TokenEntry]:
    return new_token(parse_client(name, scopes), name.encode().ljust(TOKEN_BYTES, b"."))


def completion(job_id: str, **changes: Any) -> Completion:
    audio = Audio(
        uri=f"s3://tts-audio/{KEY}", bucket="tts-audio", key=KEY, bytes=3, duration_s=1.0,
        encoding=AudioEncoding.OGG_OPUS, sample_rate=24000, sha256="0" * 64, cached=False,
    )  # fmt: skip
    given = {"status": JobStatus.DONE, "lane": Lane.DIALOGUE, "character": "codsworth", "audio": audio, **changes}
    return Completion(job_id=job_id, **given)


@dataclass
class World:
    """What the API stands on."""

    settings: Any
    recent: RecentLines = field(init=False)
    waiters: Waiters = field(init=False)
    streams: EventStreams = field(init=False)
    heard: LineStreams = field(init=False)
    metrics: HttpApiMetrics = field(init=False)
    waits_for: list[str] = field(default_factory=list)
    sent: list[tuple[Lane, Job]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    stored: dict[str, StoredTake] = field(default_factory=dict)
    send_error: Exception | None = None
    published: list[CompletionEvent] = field(default_factory=list)
    deleted: int = 0
    read_error: Exception | None = None
    url_error: Exception | None = None
    ends_at_once: bool = False
    now: float = 0.0
    wall: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __post_init__(self) -> None:
        api = self.settings.http_api
        self.recent = RecentLines(api.remembered_lines, 10**6)
        self.waiters = Waiters(api.max_waiters)
        self.streams = EventStreams(api.max_streams)
        self.heard = LineStreams(10**6)
        self.metrics = HttpApiMetrics(CollectorRegistry())

    async def send(self, lane: Lane, job: Job) -> None:
        if self.send_error is not None:
            raise self.send_error
        self.sent.append((lane, job))
        if self.ends_at_once:
            self.end(completion(job.job_id, lane=lane))

    async def send_event(self, event: Event) -> None:
        if self.send_error is not None:
            raise self.send_error
        self.events.append(event)
        if self.ends_at_once and isinstance(event, Cancellation):
            self.end(completion(event.job_id, status=JobStatus.CANCELLED, audio=None))

    def end(self, done: Completion) -> None:
        record = done.model_dump_json(exclude_none=True).encode()
        self.waiters.complete(done.job_id, record)
        self.recent.note_completion(done.job_id, record, 1_700_000_000_000)
        event = CompletionEvent(f"ce-{done.job_id}", record, 0, len(self.published))
        self.published.append(event)
        self.streams.publish(event)

    async def read_again(self, since: Positions) -> AsyncGenerator[CompletionEvent | Resumption, None]:
        if self.read_error is not None:
            raise self.read_error
        begin = max(self.deleted, since.get(0, 0))
        yield Resumption({0: begin}, since.get(0, 0) < self.deleted)
        for event in list(self.published):
            if event.offset >= begin:
                yield event

    async def audio_url(self, key: str) -> str:
        if self.url_error is not None:
            raise self.url_error
        return f"https://cdn.example/{key}?signature=1"

    async def look_up(self, key: str) -> StoredTake | None:
        return self.stored.get(key)

    def parts(self, entries: tuple[TokenEntry, ...]) -> ApiParts:
        api = self.settings.http_api
        clock = Clock(monotonic=lambda: self.now, now=lambda: self.wall)
        return ApiParts(
            settings=self.settings,
            catalogue=CATALOGUE,
            clock=clock,
            tokens=(lambda: entries) if entries else None,
            requests=RequestLimit(api.requests_per_minute),
            enqueues=RequestLimit(api.lines_per_minute),
            feedback=RequestLimit(api.feedback_per_minute),
            waits_for=lambda: self.waits_for,
            recent=self.recent,
            waiters=self.waiters,
            streams=self.streams,
            heard=self.heard,
            sender=LineSender(
                self.send, self.recent, most=api.max_unacknowledged, max_text_bytes=50_000, clock=Clock()
            ),
            send_event=self.send_event,
            completions_read_to=lambda: {0: len(self.published)},
            read_again=self.read_again,
            takes=TakeFinder(CATALOGUE, "takes", self.look_up),
            audio_url=self.audio_url,
        )


@asynccontextmanager
async def serving(
    *tokens: TokenEntry, **settings: str
) -> AsyncIterator[tuple[World, aiohttp.ClientSession, ApiServer]]:
    """The world, a client of the API's address, and the server."""
    world = World(load_settings({"HTTP_API_PORT": "0", **settings}))
    measured = MeasureRequests(create_app(world.parts(tokens)), world.metrics, Clock())
    server = ApiServer(measured, grace_s=5.0)
    with listening_socket(world.settings.http_api) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        task = asyncio.create_task(server.serve([listening]))
        try:
            async with aiohttp.ClientSession(address) as client:
                yield world, client, server
        finally:
            server.stop()
            await task


async def call(
    client: aiohttp.ClientSession, method: str, path: str, *, bearer: str | None = None, **options: Any
) -> tuple[int, Any, Any]:
    """The status, the document and the headers of an answer."""
    headers = {**({} if bearer is None else {"Authorization": f"Bearer {bearer}"}), **options.pop("headers", {})}
    async with client.request(method, path, headers=headers, allow_redirects=False, **options) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if text else None, answer.headers
