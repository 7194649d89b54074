"""Sends each job into its lane once: a request that repeats another one joins it, and adds no record."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from schemas.enums import Lane
from schemas.errors import ChirpWorkerError
from schemas.job import Job
from schemas.parsing import InvalidJobError, parse_job
from worker.console.lines.recent_lines import RecentLines
from worker.kafka.client.submit import job_record
from worker.lifecycle.clock import Clock

ACKNOWLEDGED_S: Final = 10.0
"""How long a request waits for Kafka's acknowledgement. With two replicas in sync it takes milliseconds."""

Send = Callable[[Lane, Job], Awaitable[None]]
"""Sends a job, and returns once Kafka has acknowledged it; raises KafkaError."""


class JobIdTakenError(ChirpWorkerError):
    """The id, or the key that it was made of, belongs to another job."""


class TooManyUnacknowledgedError(ChirpWorkerError):
    """As many jobs wait for Kafka's acknowledgement as may; this one wasn't sent."""


class NotAcknowledgedError(ChirpWorkerError):
    """Kafka hasn't acknowledged a job or an event in time; it may still do so."""


@dataclass(frozen=True)
class _Sending:
    lane: Lane
    job: Job
    task: asyncio.Task[None]


class LineSender:
    """Sends jobs.

    Args:
        recent: the lines that this process knows. Those that it sends are noted there at once.
        most: how many jobs may wait for Kafka's acknowledgement.
        max_text_bytes: the longest `text` of a job, in bytes of UTF-8.
    """

    def __init__(
        self,
        send: Send,
        recent: RecentLines,
        *,
        most: int,
        max_text_bytes: int,
        clock: Clock,
        acknowledged_s: float = ACKNOWLEDGED_S,
    ) -> None:
        self._send = send
        self._recent = recent
        self._most = most
        self._max_text_bytes = max_text_bytes
        self._clock = clock
        self._acknowledged_s = acknowledged_s
        self._sending: dict[str, _Sending] = {}

    async def enqueue(self, lane: Lane, job: Job) -> bool:
        """Sends a job unless its id is known, and returns once Kafka has acknowledged it.

        A cancellation, and a request that waits no longer, don't stop the sending.

        Returns:
            Whether this call has sent it.

        Raises:
            JobIdTakenError: the id belongs to another job, or to this one in the other lane.
            TooManyUnacknowledgedError: as many wait as may.
            NotAcknowledgedError: Kafka hasn't answered in time. The same call joins the sending, which goes on.
            KafkaError: Kafka refuses.
        """
        known = self._recent.find(job.job_id)
        if known is not None and (known.job is not None or known.completion is not None):
            if known.job is not None:
                self._check_same(lane, job, known.lane, known.job)
            return False
        sending = self._sending.get(job.job_id)
        if sending is not None and (sending.lane, sending.job) != (lane, job):
            raise _taken(job)
        is_new = sending is None
        if sending is None:
            if len(self._sending) >= self._most:
                raise TooManyUnacknowledgedError(
                    f"{len(self._sending)} jobs wait for Kafka's acknowledgement, as many as may"
                )
            task = asyncio.create_task(self._send_once(lane, job), name=f"send {job.job_id}")
            # Nobody may be left who waits for it when it fails, and asyncio would log that.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            sending = self._sending[job.job_id] = _Sending(lane, job, task)
        try:
            async with asyncio.timeout(self._acknowledged_s):
                await asyncio.shield(sending.task)
        except TimeoutError:
            raise not_acknowledged(job.job_id, self._acknowledged_s) from None
        return is_new

    async def finish(self, within_s: float) -> None:
        """Waits for the jobs that are being sent, and gives up those that aren't acknowledged in time."""
        tasks = {each.task for each in self._sending.values()}
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=within_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _send_once(self, lane: Lane, job: Job) -> None:
        try:
            await self._send(lane, job)
            self._recent.note_job(job.job_id, lane, job_record(job), int(self._clock.now().timestamp() * 1000))
        finally:
            del self._sending[job.job_id]

    def _check_same(self, lane: Lane, job: Job, known_lane: Lane | None, record: bytes) -> None:
        try:
            known = parse_job(record, max_text_bytes=self._max_text_bytes)
        except InvalidJobError:
            raise _taken(job) from None
        if known != job or known_lane is not lane:
            raise _taken(job)


def _taken(job: Job) -> JobIdTakenError:
    return JobIdTakenError(
        f"job_id={job.job_id!r}: is another job's, or the same one's in the other lane; a repeated request must be "
        "the same, a new one needs a new job_id or Idempotency-Key"
    )


def not_acknowledged(what: str, within_s: float) -> NotAcknowledgedError:
    """The error of a job or an event that Kafka hasn't acknowledged in time."""
    return NotAcknowledgedError(f"Kafka hasn't acknowledged {what} within {within_s:g} s, and may still do so")
