"""Reports a batch's run to Kafka while it goes on, for the console. A report that fails changes nothing of the run."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiokafka.errors import KafkaError

from schemas.batch_run import BatchRun, RunState
from worker.batch.runner import RunProgress
from worker.config.sections import KafkaSettings
from worker.kafka.client.events import send_event
from worker.kafka.client.producer import connect_producer
from worker.kafka.client.topics import TopicError
from worker.lifecycle.clock import Clock

EVERY_S: Final = 5.0
_LONGEST_S: Final = 10.0
_SOURCE: Final = "/batch"


@dataclass
class RunReport:
    """What is reported of a run.

    Attributes:
        script: the name of its file.
        dollars_expected: the confirmed price at list price, in USD.
        findings: about the script.
        progress: the runner's, which changes while it runs.
        problem: why the last report failed; None if it didn't.
        script_id: of the script's name and lines; None for a run of takes beside the script's own.
    """

    script: str
    dollars_expected: float
    findings: int
    clock: Clock
    progress: RunProgress
    problem: str | None = None
    script_id: str | None = None
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        self._started = self.clock.now()

    def message(self, state: RunState) -> BatchRun:
        """The report now."""
        progress = self.progress
        document = {
            "run_id": self.run_id,
            "script": self.script,
            "state": state,
            "started": self._started.isoformat(),
            "time": self.clock.now().isoformat(),
            "total": progress.total,
            "done": progress.done,
            "cached": progress.cached,
            "fallback": progress.fallback,
            "failed": progress.failed,
            "dollars": progress.dollars,
            "dollars_expected": self.dollars_expected,
            "findings": self.findings,
            "script_id": self.script_id,
            "source": _SOURCE,
        }
        return BatchRun.model_validate(document)


@asynccontextmanager
async def reporting(settings: KafkaSettings, report: RunReport, is_stopped: Callable[[], bool]) -> AsyncIterator[None]:
    """Reports at the beginning, every five seconds, and at the end.

    Args:
        is_stopped: whether somebody has stopped the run, asked at its end.
    """
    task = asyncio.create_task(_report_regularly(settings, report), name="batch report")
    is_last_wanted = True
    try:
        yield
    except asyncio.CancelledError:
        # Whoever gave a second signal waits for nothing more.
        is_last_wanted = False
        raise
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if is_last_wanted:
            await _report_end(settings, report, is_stopped=is_stopped())


async def _report_end(settings: KafkaSettings, report: RunReport, *, is_stopped: bool) -> None:
    is_whole = report.progress.ended >= report.progress.total
    await _report_once(settings, report, RunState.ENDED if is_whole and not is_stopped else RunState.STOPPED)


async def _report_regularly(settings: KafkaSettings, report: RunReport) -> None:
    while True:
        await _report_once(settings, report, RunState.RUNNING)
        await asyncio.sleep(EVERY_S)


async def _report_once(settings: KafkaSettings, report: RunReport, state: RunState) -> None:
    try:
        async with asyncio.timeout(_LONGEST_S), connect_producer(settings) as producer:
            await send_event(producer, settings, report.message(state))
        report.problem = None
    except (KafkaError, TopicError, OSError) as error:
        report.problem = str(error) or type(error).__name__
