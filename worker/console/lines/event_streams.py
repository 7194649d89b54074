"""Streams of completions, each with its filter and a bounded queue: a slow reader is cut off, and slows nobody."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.enums import JobStatus, Lane
from schemas.errors import ChirpWorkerError

MOST_QUEUED: Final = 1000
"""The completions that wait for a reader. One that is further behind is cut off."""


class TooManyStreamsError(ChirpWorkerError):
    """As many streams are open as may."""


@dataclass(frozen=True)
class EventFilter:
    """Which completions a stream carries; None, and no labels, for all.

    Attributes:
        labels: names and values that the job's labels must have, such as a scene's or a batch's.
    """

    character: str | None = None
    lane: Lane | None = None
    status: JobStatus | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    def passes(self, completion: Mapping[str, Any]) -> bool:
        """Whether a completion's document is among them."""
        for name, wanted in (("character", self.character), ("lane", self.lane), ("status", self.status)):
            if wanted is not None and completion.get(name) != wanted:
                return False
        labels = completion.get("labels") or {}
        return all(labels.get(name) == value for name, value in self.labels.items())


@dataclass(frozen=True)
class CompletionEvent:
    """A completion as it was published: the event's id (`ce_id`), and the record's value."""

    id: str
    record: bytes


class EventStream:
    """One reader's stream."""

    def __init__(self, wanted: EventFilter) -> None:
        self._wanted = wanted
        self._queue: asyncio.Queue[CompletionEvent | None] = asyncio.Queue()
        self._ended = False
        self.lagged = False
        """Whether the stream ended because its reader was too slow."""

    def offer(self, event: CompletionEvent, document: Mapping[str, Any]) -> None:
        """Adds a completion that passes the filter."""
        if self._ended or not self._wanted.passes(document):
            return
        if self._queue.qsize() >= MOST_QUEUED:
            self.lagged = True
            self.end()
            return
        self._queue.put_nowait(event)

    def end(self) -> None:
        """Ends the stream after what is queued."""
        if not self._ended:
            self._ended = True
            self._queue.put_nowait(None)

    async def events(self) -> AsyncIterator[CompletionEvent]:
        """The completions, until the stream ends."""
        while (event := await self._queue.get()) is not None:
            yield event


class EventStreams:
    """All open streams of this process.

    Args:
        most: how many may be open at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._streams: set[EventStream] = set()

    def __len__(self) -> int:
        return len(self._streams)

    @contextmanager
    def open(self, wanted: EventFilter) -> Iterator[EventStream]:
        """Opens a stream of the completions from now on, until the context ends.

        Raises:
            TooManyStreamsError: as many are open as may.
        """
        if len(self._streams) >= self._most:
            raise TooManyStreamsError(f"{len(self._streams)} event streams are open, as many as may")
        stream = EventStream(wanted)
        self._streams.add(stream)
        try:
            yield stream
        finally:
            self._streams.discard(stream)

    def publish(self, event: CompletionEvent) -> None:
        """Offers a completion to all streams; one that is no JSON object goes to none."""
        if not self._streams:
            return
        try:
            document = json.loads(event.record)
        except (ValueError, RecursionError):
            return
        if isinstance(document, dict):
            for stream in self._streams:
                stream.offer(event, document)

    def stop(self) -> None:
        """Ends all streams."""
        for stream in self._streams:
            stream.end()
