"""The lines that are heard while they are made: their chunks in memory, within a bound, for everybody who listens."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Final

from schemas.audio_stream import StreamEnd, StreamEndStatus
from schemas.errors import ChirpWorkerError

MOST_LINES: Final = 10_000
"""Of broken streams no audio is kept, and their ids all the same."""


class StreamBrokenError(ChirpWorkerError):
    """The stream isn't whole, and won't be: the line failed, its chunks were lost, or they are kept no more."""


class LineStream:
    """One stream of a line, from its first chunk on.

    Args:
        media_type: of the file that all chunks are together.

    Attributes:
        size: the bytes of its chunks.
    """

    def __init__(self, stream_id: str, media_type: str) -> None:
        self.id = stream_id
        self.media_type = media_type
        self.size = 0
        self._chunks: list[bytes] = []
        self._is_whole = False
        self._broken: str | None = None
        self._changed = asyncio.Event()

    @property
    def is_broken(self) -> bool:
        """Whether it isn't whole, and won't be."""
        return self._broken is not None

    def add(self, number: int, audio: bytes) -> None:
        """Adds a chunk. One that came before is passed over; after a lost one the stream is broken."""
        if self.is_over or number <= len(self._chunks):
            return
        if number != len(self._chunks) + 1:
            self.break_off(f"chunk {len(self._chunks) + 1} is lost")
            return
        self._chunks.append(audio)
        self.size += len(audio)
        self._change()

    def end(self, end: StreamEnd) -> None:
        """Ends the stream, as its last record says."""
        if self.is_over:
            return
        if end.status is not StreamEndStatus.DONE:
            self.break_off("the line failed" if end.error is None else end.error.message)
        elif end.chunks != len(self._chunks):
            self.break_off(f"{len(self._chunks)} chunks of {end.chunks} came")
        else:
            self._is_whole = True
            self._change()

    def break_off(self, reason: str) -> None:
        """Ends the stream for all who listen; its chunks are kept no more."""
        self._broken = reason
        self._chunks.clear()
        self.size = 0
        self._change()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """All chunks from the first on, each as soon as it has come.

        Raises:
            StreamBrokenError: there won't be more, and the line isn't whole.
        """
        heard = 0
        while True:
            while heard < len(self._chunks):
                heard += 1
                yield self._chunks[heard - 1]
            if self._broken is not None:
                raise StreamBrokenError(self._broken)
            if self._is_whole:
                return
            changed = self._changed
            await changed.wait()

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes."""
        return self._is_whole or self.is_broken

    def _change(self) -> None:
        # Whoever waits holds the old one.
        self._changed.set()
        self._changed = asyncio.Event()


class _Line:
    """A line's last stream, and the ids of those before."""

    def __init__(self) -> None:
        self.stream: LineStream | None = None
        self.older: set[str] = set()


class LineStreams:
    """The streams of the lines that began last.

    Args:
        most_bytes: how much audio is kept.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._lines: OrderedDict[str, _Line] = OrderedDict()
        self._awaited: dict[str, set[asyncio.Future[LineStream]]] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def find(self, job_id: str) -> LineStream | None:
        """The stream of a line that has begun and isn't broken; None if there is none."""
        line = self._lines.get(job_id)
        return None if line is None or line.stream is None or line.stream.is_broken else line.stream

    @contextmanager
    def awaiting(self, job_id: str) -> Iterator[asyncio.Future[LineStream]]:
        """The stream of a line once it has begun, within the context. Begin before the job is sent."""
        begun: asyncio.Future[LineStream] = asyncio.get_running_loop().create_future()
        if (found := self.find(job_id)) is not None:
            begun.set_result(found)
        awaited = self._awaited.setdefault(job_id, set())
        awaited.add(begun)
        try:
            yield begun
        finally:
            awaited.discard(begun)
            if not awaited:
                self._awaited.pop(job_id, None)

    def note_chunk(self, job_id: str, stream_id: str, number: int, audio: bytes, media_type: str) -> None:
        """Notes a chunk. The first of another stream breaks off the one before: its worker is gone, or failed."""
        line = self._lines.setdefault(job_id, _Line())
        if stream_id in line.older:
            return
        stream = line.stream
        if stream is None or stream.id != stream_id:
            self._drop(job_id, "another try of the line has begun")
            stream = line.stream = LineStream(stream_id, media_type)
        with self._counted(stream):
            stream.add(number, audio)
        if not stream.is_broken:
            for begun in self._awaited.get(job_id, ()):
                if not begun.done():
                    begun.set_result(stream)
        self._forget()

    def note_end(self, end: StreamEnd) -> None:
        """Notes a stream's end."""
        line = self._lines.get(end.job_id)
        if line is None or line.stream is None or line.stream.id != end.stream:
            return
        with self._counted(line.stream):
            line.stream.end(end)

    def break_off(self, job_id: str, reason: str) -> None:
        """Ends a line's stream for all who listen, unless it has ended."""
        line = self._lines.get(job_id)
        if line is not None and line.stream is not None and not line.stream.is_over:
            with self._counted(line.stream):
                line.stream.break_off(reason)

    @contextmanager
    def _counted(self, stream: LineStream) -> Iterator[None]:
        before = stream.size
        yield
        self._bytes += stream.size - before

    def _drop(self, job_id: str, reason: str) -> None:
        line = self._lines[job_id]
        if line.stream is not None:
            with self._counted(line.stream):
                line.stream.break_off(reason)
            line.older.add(line.stream.id)
            line.stream = None

    def _forget(self) -> None:
        while len(self._lines) > MOST_LINES or (self._bytes > self._most_bytes and len(self._lines) > 1):
            oldest = next(iter(self._lines))
            self._drop(oldest, "it is kept no more")
            del self._lines[oldest]
