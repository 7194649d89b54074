"""What the console's pages work with: one object of each kind in a process."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from jinja2 import Environment

from schemas.enums import Lane
from schemas.job import Job
from worker.config.settings import Settings
from worker.console.web.access import Visitors
from worker.console.web.batch.runs import KnownRuns
from worker.console.web.batch.verdicts import KnownVerdicts
from worker.console.web.listen.room import ListeningRoom
from worker.console.web.rollout.feed import RolloutFeed
from worker.console.web.rollout.streams import OpenStreams
from worker.console.web.session import Sessions
from worker.kafka.client.events import Event
from worker.lifecycle.clock import Clock
from worker.listening.pair_maker import PairMaker
from worker.speech.catalogue import Catalogue
from worker.storage.takes import StoredTake


@dataclass(frozen=True)
class ConsoleParts:
    """The parts.

    Attributes:
        audio_url: the address by which players read a take now, by its key; raises StorageError.
        fetch_document: a stored document by its key and its size in bytes, or None; raises StorageError.
        fetch_take: a stored take with its audio, or None; raises StorageError.
        runs: of scripts, read from their topic beside the server.
        runs_read: returns once that topic has been read to its end.
        verdicts: on the lines of scripts, read from their topic beside the server.
        send_event: sends an event, such as a verdict or a cancellation; raises KafkaError.
        enqueue: sends a job once, and returns whether this call has sent it; raises KafkaError.
        feed: runs beside the server.
        one_scan: held while a whole topic is read for a page, so that many visitors don't fill the memory.
        one_report: held likewise while a script's report is read: a slow store holds up no other page.
    """

    settings: Settings
    catalogue: Catalogue
    clock: Clock
    clients: Visitors
    sessions: Sessions
    templates: Environment
    feed: RolloutFeed
    streams: OpenStreams
    room: ListeningRoom
    maker: PairMaker
    audio_url: Callable[[str], Awaitable[str]]
    fetch_take: Callable[[str], Awaitable[tuple[StoredTake, bytes] | None]]
    fetch_document: Callable[[str, int], Awaitable[bytes | None]]
    enqueue: Callable[[Lane, Job], Awaitable[bool]]
    send_event: Callable[[Event], Awaitable[None]]
    runs: KnownRuns
    runs_read: Callable[[], Awaitable[object]]
    verdicts: KnownVerdicts
    one_scan: asyncio.Lock = field(default_factory=asyncio.Lock)
    one_report: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def names(self) -> frozenset[str]:
        """The keys of all characters."""
        return self.catalogue.names
