"""Streams of completions, each with its filter and a bounded queue: a slow reader is cut off, and slows nobody."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from schemas.enums import JobStatus, Lane
from schemas.errors import ChirpWorkerError
from worker.console.lines.event_positions import Positions, event_id

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
    """A completion as it was published.

    Attributes:
        ce_id: of its own event.
        record: the record's value.
        partition: where the record stands, with `offset`.
        positions: where the process was after it; what was before it has been offered to the streams.
    """

    ce_id: str
    record: bytes
    partition: int
    offset: int
    positions: Positions = field(default_factory=dict)


class EventStream:
    """One reader's stream."""

    def __init__(self, wanted: EventFilter, positions: Positions) -> None:
        self._wanted = wanted
        self._positions = dict(positions)
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

    def go_back(self, positions: Positions) -> None:
        """Begins at an earlier place: what is read from there on is passed to `repeat`, before `events`."""
        self._positions = dict(positions)

    def repeat(self, event: CompletionEvent) -> str | None:
        """The id of an event that is read again; None if it doesn't pass the filter, or was given before."""
        if not self._advance(event):
            return None
        document = _document(event.record)
        return None if document is None or not self._wanted.passes(document) else self._id(event)

    def skip_to(self, positions: Positions) -> None:
        """Goes on from these offsets: between the records of a topic there are some that nobody reads."""
        for partition, position in positions.items():
            self._positions[partition] = max(position, self._positions.get(partition, 0))

    def _advance(self, event: CompletionEvent) -> bool:
        if event.offset < self._positions.get(event.partition, 0):
            return False
        self._positions[event.partition] = event.offset + 1
        return True

    def _id(self, event: CompletionEvent) -> str:
        return event_id(self._positions, event.ce_id)

    def end(self) -> None:
        """Ends the stream after what is queued."""
        if not self._ended:
            self._ended = True
            self._queue.put_nowait(None)

    async def events(self) -> AsyncIterator[tuple[str, bytes]]:
        """The completions that come, each with the id of its event, until the stream ends."""
        while (event := await self._queue.get()) is not None:
            if self._advance(event):
                self.skip_to(event.positions)
                yield self._id(event), event.record


class EventStreams:
    """All open streams of this process.

    Args:
        most: how many may be open at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._streams: set[EventStream] = set()
        self._observed: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._streams)

    @contextmanager
    def open(self, wanted: EventFilter, read_to: Positions | None = None) -> Iterator[EventStream]:
        """Opens a stream of the completions from now on, until the context ends.

        Args:
            read_to: how far the topic is read; of a partition without a record so far nothing else says it.

        Raises:
            TooManyStreamsError: as many are open as may.
        """
        if len(self._streams) >= self._most:
            raise TooManyStreamsError(f"{len(self._streams)} event streams are open, as many as may")
        stream = EventStream(wanted, read_to or {})
        stream.skip_to(self._observed)
        self._streams.add(stream)
        try:
            yield stream
        finally:
            self._streams.discard(stream)

    def publish(self, event: CompletionEvent) -> None:
        """Offers a completion to all streams; one that is no JSON object goes to none."""
        self._observed[event.partition] = event.offset + 1
        if not self._streams:
            return
        document = _document(event.record)
        if document is not None:
            placed = replace(event, positions=dict(self._observed))
            for stream in self._streams:
                stream.offer(placed, document)

    def stop(self) -> None:
        """Ends all streams."""
        for stream in self._streams:
            stream.end()


def _document(record: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(record)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
