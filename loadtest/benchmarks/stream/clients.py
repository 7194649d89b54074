"""Two clients that hear a line while it is made: one reads the reply topic, one the HTTP API's chunked answer."""

import asyncio
import json
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import aiohttp

from loadtest.benchmarks.stream.figures import Heard
from schemas.audio_stream import StreamEnd, StreamEndStatus
from schemas.events import AUDIO_CHUNK_TYPE, STREAM_END_TYPE

_WAIT_S: Final = 60
_SENTENCE: Final = "The caravan leaves at dawn, and we can't wait for the scavengers."


class UnheardError(Exception):
    """A line wasn't heard to its end."""


def line_of(number: int, characters: int) -> str:
    """A line of so many characters that no other number has."""
    text = f"Line {number}. " + " ".join([_SENTENCE] * (characters // len(_SENTENCE) + 1))
    return text[: characters - 1].rstrip().ljust(characters - 1, "s") + "."


def job_of(job_id: str, text: str) -> dict[str, Any]:
    """The job, without where it is heard."""
    return {"job_id": job_id, "character": "codsworth", "text": text}


@dataclass(frozen=True)
class ReplyTopicClient:
    """Hears lines in a reply topic.

    Attributes:
        producer: started, of aiokafka.
        consumer: started, at the end of the reply topic.
        lane: the topic of the jobs.
        replies: the reply topic.
    """

    producer: Any
    consumer: Any
    lane: str
    replies: str

    async def hear(self, job_id: str, text: str) -> Heard:
        """One line.

        Raises:
            UnheardError: its stream failed, or has no end within a minute.
        """
        job = {**job_of(job_id, text), "stream": True, "reply_topic": self.replies}
        sent, first = time.time(), 0.0
        await self.producer.send_and_wait(self.lane, json.dumps(job).encode(), key=job_id.encode())
        try:
            async with asyncio.timeout(_WAIT_S):
                while True:
                    for records in (await self.consumer.getmany(timeout_ms=1000)).values():
                        now = time.time()
                        for record in records:
                            kind = dict(record.headers)["ce_type"].decode()
                            if record.key != job_id.encode() or kind not in {AUDIO_CHUNK_TYPE, STREAM_END_TYPE}:
                                continue
                            first = first or now
                            if kind == STREAM_END_TYPE:
                                _check(StreamEnd.model_validate_json(record.value))
                                return Heard(text, sent, first, now)
        except TimeoutError:
            raise UnheardError(f"{job_id}: no end") from None


async def hear_by_http(session: aiohttp.ClientSession, job_id: str, text: str) -> Heard:
    """One line by the HTTP API.

    Raises:
        UnheardError: the answer isn't its whole audio.
    """
    sent, first = time.time(), 0.0
    try:
        async with session.post("/v1/lines?stream=true", json=job_of(job_id, text)) as answer:
            if answer.status != HTTPStatus.OK or not answer.content_type.startswith("audio/"):
                raise UnheardError(f"{job_id}: {answer.status} {await answer.text()}")
            while await answer.content.readany():
                first = first or time.time()
    except aiohttp.ClientError as error:
        raise UnheardError(f"{job_id}: {error}") from error
    return Heard(text, sent, first, time.time())


def _check(end: StreamEnd) -> None:
    if end.status is not StreamEndStatus.DONE:
        raise UnheardError(f"{end.job_id}: {end.error}")
