"""Steady traffic of dialogue jobs: other users and new lines all the time, by the clock whatever the answers are."""

import asyncio
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

# So many users come again and again: each keeps its voice model.
_USERS = 5_000
_TICK_S = 0.05


@dataclass(frozen=True)
class Flow:
    """What comes: `name` is part of every job id and text, so that no take of another flow is found.

    A share of the jobs (one of each `again_every`) asks for a line that was asked for before: its take is stored.
    """

    name: str
    jobs_a_second: float
    characters: Sequence[str]
    again_every: int = 10

    def jobs(self) -> Iterator[dict[str, str]]:
        """The jobs, without an end."""
        for number in itertools.count():
            again = number % self.again_every == self.again_every - 1
            line = number - self.again_every // 2 if again else number
            # Characters go round among the users, so that each character has users in every bucket.
            turn = number // len(self.characters) if again else line // len(self.characters)
            yield {
                "job_id": f"{self.name}-{number}",
                "character": self.characters[line % len(self.characters)],
                "text": f"{self.name}, line {line}. The caravan leaves at dawn, and we can't wait.",
                "user_id": f"user-{(turn * 7_919 + line) % _USERS}",
            }


async def send_steadily(producer: Any, topic: str, flow: Flow) -> None:
    """Sends a flow's jobs until it is cancelled; after a hold-up it sends what was due meanwhile.

    Args:
        producer: a started aiokafka producer.
        topic: a lane's.
        flow: what to send.
    """
    loop = asyncio.get_running_loop()
    jobs = flow.jobs()
    began = loop.time()
    sent = 0
    while True:
        due = int((loop.time() - began) * flow.jobs_a_second)
        for job in itertools.islice(jobs, due - sent):
            await producer.send(topic, json.dumps(job).encode(), key=job["user_id"].encode())
        sent = due
        await asyncio.sleep(_TICK_S)
