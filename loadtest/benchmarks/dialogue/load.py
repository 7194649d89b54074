"""Dialogue jobs by the clock, and when their completions came: an open loop, each latency from when its job was due."""

import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.completion import Completion
from schemas.job import Job

_CHARACTERS: Final = ("pip_boy", "vault_dweller")
_READ_MS: Final = 100


@dataclass(frozen=True)
class Received:
    """One dialogue job's times, in seconds since 1970."""

    due: float
    sent: float
    read: float
    completion: Completion

    @property
    def latency_s(self) -> float:
        """From when it was due until its completion was read."""
        return self.read - self.due


@dataclass
class CompletionListener:
    """What is known of the jobs that were sent: those not answered yet, and those that were."""

    due: dict[str, tuple[float, float]] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)

    expected: int = 0
    all_received: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def waiting(self) -> int:
        """How many have no completion yet."""
        return self.expected - len(self.received)

    def add(self, received: Received) -> None:
        """Notes a completion."""
        self.received.append(received)
        if not self.waiting:
            self.all_received.set()


def lines(name: str, count: int | None = None) -> Iterator[Job]:
    """New lines, each a take of its own, 5 s of speech; `name` is in each id and text."""
    numbers = itertools.count() if count is None else range(count)
    for number in numbers:
        yield Job(
            job_id=f"{name}-{number:06d}",
            character=_CHARACTERS[number % len(_CHARACTERS)],
            text=f"{name}, job {number:06d}. The caravan leaves at dawn, and we can't wait.",
            user_id=f"user-{number % 997}",
        )


def record_of(job: Job) -> tuple[bytes, bytes]:
    """Key and value of a job's record."""
    return job.job_id.encode(), json.dumps(job.model_dump(mode="json", exclude_defaults=True)).encode()


async def send_by_the_clock(
    producer: Any, topic: str, name: str, listener: CompletionListener, *, every_s: float, count: int
) -> None:
    """Sends a job each `every_s` seconds, whatever the answers are.

    Args:
        producer: a started aiokafka producer.
        topic: of a lane.
        name: of the jobs.
        listener: learn when each was due.
        every_s: between two jobs.
        count: of jobs.
    """
    listener.expected = count
    began = time.time() + every_s
    acknowledged = []
    for number, job in enumerate(lines(name, count)):
        due = began + number * every_s
        await asyncio.sleep(max(0.0, due - time.time()))
        key, value = record_of(job)
        listener.due[job.job_id] = (due, time.time())
        acknowledged.append(await producer.send(topic, value, key=key))
    await asyncio.gather(*acknowledged)


async def listen(consumer: Any, listener: CompletionListener) -> None:
    """Reads completions until it is cancelled; those of other jobs are passed over by their key."""
    while True:
        taken = await consumer.getmany(timeout_ms=_READ_MS)
        read = time.time()
        for record in itertools.chain.from_iterable(taken.values()):
            times = listener.due.get((record.key or b"").decode())
            if times is None:
                continue
            listener.add(Received(*times, read, Completion.model_validate_json(record.value)))
