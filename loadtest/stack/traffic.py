"""Open-loop traffic of dialogue jobs: a constant rate, many users, mostly new lines."""

import asyncio
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

# Users return, so that it can be seen whether each keeps its voice model.
_USERS = 5_000
_TICK_S = 0.05


@dataclass(frozen=True)
class Flow:
    """The jobs of one flow. `name` is part of each job id and text, so that flows share no takes.

    One job of `again_every` repeats an earlier line, whose take is stored by then.
    """

    name: str
    jobs_a_second: float
    characters: Sequence[str]
    again_every: int = 10

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yields jobs without end."""
        for number in itertools.count():
            again = number % self.again_every == self.again_every - 1
            line = number - self.again_every // 2 if again else number
            # Characters rotate among the users, so that each character has users in every bucket.
            turn = number // len(self.characters) if again else line // len(self.characters)
            yield {
                "job_id": f"{self.name}-{number}",
                "character": self.characters[line % len(self.characters)],
                "text": f"{self.name}, line {line}. The caravan leaves at dawn, and we can't wait.",
                "user_id": f"user-{(turn * 7_919 + line) % _USERS}",
            }


async def send_steadily(producer: Any, topic: str, flow: Flow) -> None:
    """Sends a flow's jobs until it is cancelled. After a delay it sends the overdue ones at once."""
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
