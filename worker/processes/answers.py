"""Asks processes over HTTP, all at once: whether they live, whether they are ready, what they count."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import aiohttp
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from pydantic import SecretStr

from schemas.enums import Lane

_TIMEOUT: Final = aiohttp.ClientTimeout(total=3.0)
_OPENMETRICS: Final = {"Accept": "application/openmetrics-text; version=1.0.0"}


T = TypeVar("T")


class AskedProcess(Protocol):
    """A process that may run and answer at its address."""

    number: int
    runs: int

    @property
    def address(self) -> str:
        """Of its HTTP server."""

    @property
    def pid(self) -> int | None:
        """Its process id; None while it doesn't run."""


@dataclass(frozen=True)
class ProcessState:
    """What a process says of itself; `waits_for` is empty if it is ready."""

    number: int
    pid: int | None
    restarts: int
    waits_for: Sequence[str]
    details: Sequence[str]


class Answers:
    """The answers of processes; one that doesn't answer within 3 s doesn't."""

    def __init__(self, session: aiohttp.ClientSession, processes: Sequence[AskedProcess]) -> None:
        self._session = session
        self._processes = processes
        self._answered: dict[int, int] = {}

    async def states(self) -> list[ProcessState]:
        """Whether each is ready, in the order of their numbers."""
        return await asyncio.gather(*(self._state(each) for each in self._processes))

    async def hanging(self) -> list[int]:
        """The processes that have answered since their start and don't any more."""
        lives = await asyncio.gather(*(self._ask(each, "healthz") for each in self._processes))
        return [
            each.number
            for each, answer in zip(self._processes, lives, strict=True)
            if answer is None and each.pid is not None and self._answered.get(each.number) == each.runs
        ]

    async def metrics(self, take: Callable[[int, int, Iterable[Metric] | None], None]) -> None:
        """Reads the metrics of all; calls back with each process's number, its run, and what it exports or None."""
        runs = [each.runs for each in self._processes]
        texts = await asyncio.gather(*(self._ask(each, "metrics", _OPENMETRICS) for each in self._processes))
        for each, run, text in zip(self._processes, runs, texts, strict=True):
            take(each.number, run, None if text is None else text_string_to_metric_families(text))  # type: ignore[no-untyped-call]

    async def resume(self, lane: Lane, *, token: SecretStr | None) -> bool:
        """Resumes a lane in all processes; returns whether it was paused in any."""
        given = token.get_secret_value() if token is not None else ""

        async def resume_in(process: AskedProcess) -> bool:
            headers = {"Authorization": f"Bearer {given}"}
            address = f"{process.address}/lanes/{lane}/resume"
            async with self._session.post(address, headers=headers, timeout=_TIMEOUT) as answer:
                return bool((await answer.json()).get("resumed"))

        resumed = await asyncio.gather(*(_or_none(resume_in(each)) for each in self._processes))
        return any(resumed)

    async def _state(self, process: AskedProcess) -> ProcessState:
        text = await self._ask(process, "readyz")
        answer: dict[str, Any] = {"waits_for": ["its start" if process.pid else "its restart"]}
        if text is not None:
            answer = json.loads(text)
        elif self._answered.get(process.number) == process.runs and process.pid is not None:
            answer = {"waits_for": ["its answer"]}
        return ProcessState(
            process.number,
            process.pid,
            max(0, process.runs - 1),
            answer["waits_for"],
            answer.get("details", []),
        )

    async def _ask(self, process: AskedProcess, path: str, headers: dict[str, str] | None = None) -> str | None:
        run = process.runs
        if process.pid is None:
            return None

        async def ask() -> str:
            async with self._session.get(f"{process.address}/{path}", headers=headers, timeout=_TIMEOUT) as answer:
                return await answer.text()

        text = await _or_none(ask())
        # The port is the same in all runs: a question to one that was killed is answered by the next.
        if text is None or process.runs != run:
            return None
        self._answered[process.number] = run
        return text


async def _or_none(asking: Awaitable[T]) -> T | None:
    try:
        return await asking
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None


@asynccontextmanager
async def ask_processes(processes: Sequence[AskedProcess]) -> AsyncIterator[Answers]:
    """Asks these processes until the context ends."""
    # A connection for each question: a process that is started again has the same port.
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Answers(session, processes)
