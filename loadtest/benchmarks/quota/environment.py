"""The environment of the runs: the emulator's control API and call log, topics of their own, workers."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from loadtest.benchmarks.quota.figures import Call
from loadtest.stack.local_stack import worker_process
from loadtest.stack.processes import Process
from loadtest.stack.topics import make_topics

# The emulator's log holds its last 1,000 calls: a minute's, at 1,000 a minute.
_POLL_S: Final = 5.0


@dataclass(frozen=True)
class Bench:
    """The running stack, as far as a run needs it; `environment` are a worker's variables."""

    session: aiohttp.ClientSession
    control_url: str
    kafka: str
    folder: Path
    environment: Mapping[str, str]

    async def set_emulator(self, **settings: object) -> None:
        """Changes the emulator's settings."""
        await self._control("PATCH", "/settings", settings)

    async def set_faults(self, *faults: Mapping[str, object]) -> None:
        """Replaces all active faults."""
        await self._control("PUT", "/faults", list(faults))

    async def calls(self) -> list[Call]:
        """The last 1,000 calls that ended."""
        logged = await self._control("GET", "/calls/log")
        return [Call(float(each["time"]), str(each["input"]), str(each["code"])) for each in logged]

    async def _control(self, method: str, path: str, body: object = None) -> Any:
        async with self.session.request(method, f"{self.control_url}{path}", json=body) as answer:
            answer.raise_for_status()
            return await answer.json()

    @asynccontextmanager
    async def topics(self, run: str) -> AsyncIterator[dict[str, str]]:
        """All topics under the run's prefix; yields a worker's variables for them."""
        await make_topics(self.kafka, run)
        yield {
            **self.environment,
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            "KAFKA_TOPIC_PREFIX": run,
            "KAFKA_GROUP_ID": run,
            "S3_PREFIX": run,
        }

    @asynccontextmanager
    async def worker(self, name: str, settings: Mapping[str, str]) -> AsyncIterator[Process]:
        """A worker that is ready; it is asked to end when the context ends."""
        starting = worker_process(settings, self.folder, name)
        process, _ = await asyncio.to_thread(starting.__enter__)
        try:
            yield process
        finally:
            await asyncio.to_thread(starting.__exit__, None, None, None)


class CallLog:
    """Every call since it was made, read from the emulator's log before it is forgotten there."""

    def __init__(self, bench: Bench) -> None:
        self._place = bench
        self.calls: set[Call] = set()

    async def read(self) -> None:
        """Reads what the log holds now."""
        self.calls.update(await self._place.calls())

    async def run(self) -> None:
        """Reads regularly until it is cancelled."""
        while True:
            await self.read()
            await asyncio.sleep(_POLL_S)
