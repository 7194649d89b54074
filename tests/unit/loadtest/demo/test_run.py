"""The demo survives what others do in its topics while it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from loadtest.demo import run
from loadtest.demo.outcome import problems_of
from loadtest.demo.script import Line
from schemas.completion import Completion
from schemas.enums import JobStatus, Lane

LINES = [Line({"job_id": name, "character": "ghoul", "text": "Hello."}, Lane.DIALOGUE, None, None) for name in "ab"]


def completion(job_id: str) -> bytes:
    return Completion(job_id=job_id, status=JobStatus.FAILED, lane=Lane.DIALOGUE).model_dump_json().encode()


@dataclass
class Record:
    value: bytes | None


class Broker:
    """Answers each job with its completion, after what others have written."""

    def __init__(self, *foreign: bytes | None) -> None:
        self.written = [Record(each) for each in foreign]

    async def send_and_wait(self, topic: str, value: bytes, key: bytes | None) -> None:  # noqa: ARG002  # aiokafka's
        self.written.append(Record(completion("a" if b'"a"' in value else "b")))

    def assignment(self) -> tuple[()]:
        return ()

    def resume(self, *_: Any) -> None: ...

    pause = resume

    async def getmany(self, **_: Any) -> dict[str, list[Record]]:
        taken, self.written = self.written, []
        return {"completions": taken}


class Worker:
    running = True


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    made = Broker(completion("somebody-else-s"), b"no completion", None, b'{"job_id": null}')

    @asynccontextmanager
    async def client(_: str) -> AsyncIterator[Broker]:
        yield made

    monkeypatch.setattr(run, "_consumer", client)
    monkeypatch.setattr(run, "_producer", client)
    return made


async def test_a_foreign_job_and_what_is_no_completion_are_passed_over(broker: Broker) -> None:  # noqa: ARG001  # patches
    heard: list[str] = []
    worker: Any = Worker()
    completions, others = await run.speak(LINES, "kafka", worker, lambda line, _: heard.append(line.job_id))
    assert (sorted(completions), sorted(heard), others) == (["a", "b"], ["a", "b"], 4)
    # The worker's counters have others' jobs too, and are compared with nothing.
    assert [each.split()[0] for each in problems_of(LINES, completions, None)] == ["a", "b"]
