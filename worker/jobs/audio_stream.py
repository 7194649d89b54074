"""A job's audio on its way to who listens: numbered chunks, and the end that says what became of them. Pure."""

from collections.abc import Callable
from typing import Final, Protocol

from schemas.audio_stream import AudioSource, StreamEnd, StreamEndStatus
from schemas.completion import Audio, Problem
from schemas.job import Job
from worker.speech.catalogue import Voice

LARGEST_CHUNK: Final = 2**16
"""Bytes. What is whole already is cut, so that it can be played before all of it has arrived."""


class StreamSink(Protocol):
    """One stream's place in a queue. Nothing that happens there ends the job."""

    async def chunk(self, number: int, audio: bytes) -> None:
        """Publishes a chunk; its number is 1 and up."""

    async def end(self, end: StreamEnd) -> bool:
        """Publishes the end, and returns once all is acknowledged or given up: whether all of it was taken."""


OpenSink = Callable[[Job, str], StreamSink]
"""Opens the place that a job names for its replies, for a stream with this id."""


class AudioStream:
    """One try's stream of one job.

    Args:
        stream_id: another one for each try of the job.
        on_first: called before the first chunk, with where it comes from.
        on_end: called after the end, and with whether the queue has taken all.

    Attributes:
        made_sha256: the digest of the file that was made and sent; None where a stored take was sent.
    """

    def __init__(
        self,
        job_id: str,
        stream_id: str,
        sink: StreamSink,
        *,
        on_first: Callable[[AudioSource], None],
        on_end: Callable[[StreamEnd, bool], None],
    ) -> None:
        self._job_id = job_id
        self._id = stream_id
        self._sink = sink
        self._on_first = on_first
        self._on_end = on_end
        self._chunks = 0
        self._source: AudioSource | None = None
        self.made_sha256: str | None = None

    @property
    def is_heard(self) -> bool:
        """Whether audio was sent already: no other voice may go on then."""
        return self._chunks > 0

    async def send(self, audio: bytes, source: AudioSource) -> None:
        """Sends the next audio, in chunks of bounded size.

        Args:
            source: where it comes from.
        """
        if not self.is_heard and audio:
            self._source = source
            self._on_first(source)
        for start in range(0, len(audio), LARGEST_CHUNK):
            self._chunks += 1
            await self._sink.chunk(self._chunks, audio[start : start + LARGEST_CHUNK])

    async def finish(self, audio: Audio, voice: Voice) -> None:
        """Ends the stream of a job that has its take; all of its audio was sent."""
        is_take = self.made_sha256 in {None, audio.sha256}
        await self._end(StreamEndStatus.DONE, audio=audio, is_take=is_take, voice=voice)

    async def fail(self, error: Problem, audio: Audio | None = None, voice: Voice | None = None) -> None:
        """Ends a stream that isn't whole.

        Args:
            audio: the job's take, where only the stream failed.
            voice: the take's.
        """
        await self._end(StreamEndStatus.FAILED, error=error, audio=audio, voice=voice)

    async def _end(
        self,
        status: StreamEndStatus,
        *,
        voice: Voice | None,
        audio: Audio | None = None,
        is_take: bool = False,
        error: Problem | None = None,
    ) -> None:
        end = StreamEnd(
            job_id=self._job_id,
            stream=self._id,
            status=status,
            chunks=self._chunks,
            source=self._source,
            audio=audio,
            is_take=is_take,
            voice_model=None if voice is None else voice.voice_model,
            voice=None if voice is None else voice.name,
            error=error,
        )
        all_taken = await self._sink.end(end)
        self._on_end(end, all_taken)
