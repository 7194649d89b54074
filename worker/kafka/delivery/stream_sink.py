"""Publishes streams' chunks: at once, each once, beside the outcomes, and without ever holding a job up for long."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from schemas.audio_stream import StreamEnd
from schemas.enums import AudioEncoding
from schemas.events import StreamAddress, chunk_headers, stream_end_headers
from schemas.headers import Headers
from schemas.job import Job
from worker.kafka.client.producer import Acknowledgement, Producer
from worker.lifecycle.clock import Clock

PATIENCE_S: Final = 5.0
"""How long a stream waits for Kafka, to take a chunk and to acknowledge the last ones. Who listens waits no longer."""
MediaType = Callable[[AudioEncoding, int], str]
_log = structlog.get_logger(__name__)


class StreamSinks:
    """Opens the streams of a worker.

    Args:
        producer: of its own, since outcomes may be in a transaction, and wait for acknowledgements of all replicas.
        source: a URI reference that names the worker's consumer group.
        media_type: of a file, by its encoding and its sample rate in Hz.
    """

    def __init__(self, producer: Producer, source: str, media_type: MediaType, clock: Clock) -> None:
        self._producer = producer
        self._media_type = media_type
        self._source = source
        self._clock = clock

    def open(self, job: Job, stream_id: str) -> "KafkaStreamSink":
        """The place of one stream: the job's reply topic."""
        address = StreamAddress(job.job_id, stream_id, self._source)
        media_type = self._media_type(job.audio.encoding, job.audio.sample_rate)
        return KafkaStreamSink(self._producer, job, address, media_type, self._clock)


class KafkaStreamSink:
    """One stream: its records have the key job_id, and so an order. After the first that Kafka doesn't take, none."""

    def __init__(self, producer: Producer, job: Job, address: StreamAddress, media_type: str, clock: Clock) -> None:
        self._producer = producer
        self._job = job
        self._address = address
        self._media_type = media_type
        self._clock = clock
        self._unacknowledged: set[Acknowledgement] = set()
        self._error: BaseException | None = None

    async def chunk(self, number: int, audio: bytes) -> None:
        """Puts a chunk on its way, and doesn't wait for its acknowledgement."""
        headers = chunk_headers(
            self._address,
            number,
            encoding=self._job.audio.encoding,
            sample_rate=self._job.audio.sample_rate,
            media_type=self._media_type,
            now=self._clock.now(),
        )
        if self._error is None:
            await self._send(audio, headers)

    async def end(self, end: StreamEnd) -> bool:
        """Publishes the end, also after a loss, and waits for the acknowledgements: the outcome comes after them."""
        headers = stream_end_headers(self._address, end, now=self._clock.now())
        await self._send(end.model_dump_json(exclude_none=True).encode(), headers)
        if self._unacknowledged:
            _, late = await asyncio.wait(map(asyncio.ensure_future, self._unacknowledged), timeout=PATIENCE_S)
            if late:
                self._error = self._error or TimeoutError(f"no acknowledgement for {PATIENCE_S:g} s")
        if self._error is not None:
            error = f"{type(self._error).__name__}: {self._error}"
            _log.warning("stream_lost", job_id=end.job_id, stream=end.stream, topic=self._job.reply_topic, error=error)
        return self._error is None

    async def _send(self, value: bytes, headers: Headers) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                acknowledged = await self._producer.send(
                    self._job.reply_topic or "", value=value, key=self._job.job_id.encode(), headers=headers
                )
        except (KafkaError, TimeoutError) as error:
            self._error = self._error or error
            return
        self._unacknowledged.add(acknowledged)
        acknowledged.add_done_callback(self._acknowledged)

    def _acknowledged(self, acknowledged: "asyncio.Future[object]") -> None:
        self._unacknowledged.discard(acknowledged)
        if not acknowledged.cancelled() and (error := acknowledged.exception()) is not None:
            self._error = self._error or error
