"""The two clients that are compared, one with Kafka's own client and one with HTTP, and the crowd that only waits."""

import asyncio
import json
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import aiohttp

CHARACTER: Final = "codsworth"
STORED: Final = "Welcome home. This line is stored already, so that nothing but the way is measured."
_WAIT_S: Final = 60
_LONGEST_WAIT_S: Final = 1800


class UnansweredError(Exception):
    """A line has no completion, or not its own."""


@dataclass(frozen=True)
class KafkaClient:
    """Enqueues a line and waits for its completion by Kafka alone.

    Attributes:
        producer: started, of aiokafka.
        consumer: started, at the end of the completions.
        lane: the topic.
    """

    producer: Any
    consumer: Any
    lane: str

    async def line(self, job_id: str) -> float:
        """Seconds from the send to the completion.

        Raises:
            UnansweredError: there is none within a minute.
        """
        began = time.perf_counter()
        job = {"job_id": job_id, "character": CHARACTER, "text": STORED}
        await self.producer.send_and_wait(self.lane, json.dumps(job).encode(), key=job_id.encode())
        try:
            async with asyncio.timeout(_WAIT_S):
                while True:
                    for records in (await self.consumer.getmany(timeout_ms=1000)).values():
                        if any(record.key == job_id.encode() for record in records):
                            return time.perf_counter() - began
        except TimeoutError:
            raise UnansweredError(job_id) from None


async def line_by_http(session: aiohttp.ClientSession, job_id: str) -> float:
    """Seconds from the request to the answer with the completion.

    Raises:
        UnansweredError: there is none within a minute.
    """
    began = time.perf_counter()
    job = {"job_id": job_id, "character": CHARACTER, "text": STORED}
    async with session.post(f"/v1/lines?wait={_WAIT_S}s", json=job) as answer:
        line = await answer.json()
    took_s = time.perf_counter() - began
    if answer.status != HTTPStatus.OK or line["completion"]["job_id"] != job_id:
        raise UnansweredError(f"{job_id}: {answer.status} {line}")
    return took_s


async def wait_in_a_crowd(session: aiohttp.ClientSession, job_id: str) -> None:
    """One of many clients: enqueues a line of its own in the batch lane, and waits for as long as it takes.

    Raises:
        UnansweredError: there is none within half an hour, or it is another's.
    """
    job = {"job_id": job_id, "character": CHARACTER, "text": f"Line {job_id} is spoken for the first time."}
    async with session.post(f"/v1/lines?lane=batch&wait={_LONGEST_WAIT_S}s", json=job) as answer:
        line = await answer.json()
    if answer.status != HTTPStatus.OK or line["completion"]["job_id"] != job_id:
        raise UnansweredError(f"{job_id}: {answer.status} {line}")
