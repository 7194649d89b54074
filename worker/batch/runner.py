"""Runs a batch: sends jobs to the lane within a window, and records each completion in the batch's state."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka.errors import KafkaError

from schemas.errors import UnavailableError
from schemas.job import Job
from worker.batch.backlog import Backlog
from worker.batch.entry import ManifestEntry, SentJob, build_entry
from worker.batch.kafka_lane import BatchLane, end_positions, open_lane
from worker.batch.line_status import LineStatus, line_states, next_job
from worker.batch.spending import Spending, expected_price
from worker.batch.state import WritableBatchState
from worker.batch.voice_selection import PlannedLine, VoiceSelector
from worker.config.sections import KafkaSettings
from worker.lifecycle.clock import Clock
from worker.observability.tracing.tracer import Tracer
from worker.pricing.google_terms import list_price

WINDOW: Final = 500
"""The most jobs in flight. More would only wait in the lane, and a stop would leave more of them behind."""
SILENCE_S: Final = 60.0
"""A silence that is longer is explained."""
_JOBS_PER_SEND: Final = 100
_WRITE_EVERY_S: Final = 5.0
# Writing the manifest of 20,000 lines takes a quarter of a second: it may take at most this share of the time.
_WRITING_SHARE: Final = 0.05


@dataclass
class RunProgress:
    """Counts of lines so far, and the cost in US dollars at list price.

    Attributes:
        silent_s: for how long no completion has arrived, in seconds.
        backlog: what Kafka knows about a silence of over a minute; None if there is none, or Kafka doesn't say.
    """

    total: int
    done: int = 0
    cached: int = 0
    fallback: int = 0
    failed: int = 0
    dollars: float = 0.0
    silent_s: float = 0.0
    backlog: Backlog | None = None

    @property
    def ended(self) -> int:
        """Lines with a completion."""
        return self.done + self.failed

    def add(self, entry: ManifestEntry) -> None:
        """Counts a line after its job has ended."""
        self.done += entry.is_done
        self.failed += not entry.is_done
        self.cached += entry.cached
        self.fallback += entry.fallback
        self.dollars += list_price(entry.billed)


ProgressObserver = Callable[[RunProgress], None]
"""Called after each change, and about five times a second without one."""


@dataclass(frozen=True)
class RunPlan:
    """What a run makes.

    Attributes:
        lines: of the script.
        selector: that planned the lines.
        wanted: lines with these statuses are made: now, or once the line's job in flight has ended.
        stored: keys of takes that are known to be stored.
        keep_others: the manifest keeps its entries of other lines.
    """

    lines: Sequence[PlannedLine]
    selector: VoiceSelector
    wanted: Collection[LineStatus]
    stored: Collection[str] = ()
    keep_others: bool = False


class BatchRunner:
    """Makes the wanted lines until all have ended, or until it is stopped.

    Args:
        clock: for the pauses between two manifests.
        spending: of the whole run, with its cap; None for a run without a cap.
    """

    def __init__(
        self, state: WritableBatchState, plan: RunPlan, clock: Clock, spending: Spending | None = None
    ) -> None:
        self._state = state
        self._plan = plan
        self._clock = clock
        self._spending = spending or Spending()
        self._spending.start(state.in_flight.values())
        self._stop_requested = False
        self._stored = set(plan.stored)
        # Lines that wait for another line's job to make the same take: they find it stored, and it is paid for once.
        self._waiting: dict[str, list[PlannedLine]] = {}
        self._written_at = self._heard_at = self._asked_at = clock.monotonic()
        self._writing_s = 0.0
        states = line_states(plan.lines, state.entries, state.lines_in_flight, plan.selector)
        to_make = [each for each in states if each.status_after_job in plan.wanted]
        self._queue = deque(each.planned for each in to_make if each.status is not LineStatus.IN_FLIGHT)
        # Only these lines are made again after their job in flight: the confirmed price includes no others.
        self._outdated = {each.planned.line.id: each.planned for each in to_make if each.status is LineStatus.IN_FLIGHT}
        self.progress = RunProgress(total=len(self._queue) + len(state.in_flight))

    def stop(self) -> None:
        """Ends the run soon. The next run waits for the jobs that stay in flight."""
        self._stop_requested = True

    @property
    def unsent(self) -> int:
        """Lines that the cap, or a stop, has left unsent."""
        return len(self._queue) + sum(map(len, self._waiting.values()))

    async def run(self, lane: BatchLane, observer: ProgressObserver) -> None:
        """Sends jobs and records their completions, until all have ended or the cap allows no more.

        Args:
            lane: open at the offsets of the batch's state.

        Raises:
            KafkaError, UnavailableError, OSError: Kafka or the disk fails; a further run resumes where this one ended.
        """
        observer(self.progress)
        while (self._queue or self._waiting or self._state.in_flight) and not self._stop_requested:
            await self._send(lane)
            if not self._state.in_flight and self._queue:
                # Nothing is in flight that could end for less than its price: the cap leaves no room for the next job.
                return
            await self._receive(lane)
            await self._explain_silence(lane)
            observer(self.progress)

    async def _send(self, lane: BatchLane) -> None:
        while self._queue and len(self._state.in_flight) < WINDOW and not self._stop_requested:
            jobs, sent = self._next_jobs()
            if not sent:
                return
            # Recorded before they are sent: after a kill in between, the next command looks for them in the lane.
            await asyncio.to_thread(self._state.record_sent, sent)
            await lane.send(jobs)

    def _next_jobs(self) -> tuple[list[Job], list[SentJob]]:
        in_flight = self._state.in_flight
        keys_in_flight = {sent.key for sent in in_flight.values()} - self._stored
        jobs: list[Job] = []
        sent_jobs: list[SentJob] = []
        while self._queue and len(sent_jobs) < min(_JOBS_PER_SEND, WINDOW - len(in_flight)):
            planned = self._queue[0]
            if planned.key in keys_in_flight:
                self._waiting.setdefault(planned.key, []).append(self._queue.popleft())
                continue
            job, sent = next_job(planned, self._state.entries.get(planned.line.id))
            if planned.key in self._stored:
                sent = sent.model_copy(update={"billed": 0})
            else:
                keys_in_flight.add(planned.key)
            if not self._spending.allows(expected_price(sent)):
                break
            self._queue.popleft()
            self._spending.start([sent])
            jobs.append(job)
            sent_jobs.append(sent)
        return jobs, sent_jobs

    async def _receive(self, lane: BatchLane) -> None:
        completions = await lane.completions(self._state.in_flight)
        # Delivery is at least once: of two completions of one job the first counts.
        first = {each.job_id: each for each in reversed(completions)}
        entries = [build_entry(self._state.in_flight[job_id], completion) for job_id, completion in first.items()]
        if not entries:
            return
        self._heard_at = self._clock.monotonic()
        keys = {self._state.in_flight[entry.job_id].key for entry in entries}
        await asyncio.to_thread(self._state.record_ended, entries, lane.positions)
        self._spending.end(entries)
        for entry in entries:
            self.progress.add(entry)
        self._stored |= {entry.key for entry in entries if entry.is_done}
        for key in keys:
            self._queue.extend(self._waiting.pop(key, ()))
        self._requeue_outdated(entries)
        await self._write_if_due()

    async def _explain_silence(self, lane: BatchLane) -> None:
        """Asks Kafka once a minute, while nothing is heard, why that may be."""
        now = self._clock.monotonic()
        self.progress.silent_s = now - self._heard_at
        if self.progress.silent_s <= SILENCE_S:
            self.progress.backlog = None
        elif now - self._asked_at > SILENCE_S:
            self._asked_at = now
            try:
                self.progress.backlog = await lane.backlog(self._state.positions.lane)
            except (KafkaError, UnavailableError):
                # The next completions to be read find out whether Kafka is gone.
                self.progress.backlog = None

    def _requeue_outdated(self, entries: Sequence[ManifestEntry]) -> None:
        """Queues lines that changed before this run, while their job was in flight, to be made as they are now."""
        outdated = [self._outdated.pop(entry.line) for entry in entries if entry.line in self._outdated]
        states = line_states(outdated, self._state.entries, {}, self._plan.selector)
        # A worker may meanwhile have decided as this run does: such a line is not made again.
        again = [each.planned for each in states if each.status in self._plan.wanted]
        self._queue.extend(again)
        self.progress.total += len(again)

    async def _write_if_due(self) -> None:
        pause = max(_WRITE_EVERY_S, self._writing_s / _WRITING_SHARE)
        if self._clock.monotonic() - self._written_at < pause:
            return
        started = self._clock.monotonic()
        lines = [each.line.id for each in self._plan.lines]
        await asyncio.to_thread(self._state.write, lines, keep_others=self._plan.keep_others)
        self._written_at = self._clock.monotonic()
        self._writing_s = self._written_at - started


async def run_batch(
    runner: BatchRunner,
    state: WritableBatchState,
    settings: KafkaSettings,
    clock: Clock,
    observer: ProgressObserver,
    *,
    tracer: Tracer,
) -> None:
    """Opens the lane and runs a batch in it.

    Raises:
        TopicError, KafkaError, UnavailableError, OSError: Kafka or the disk fails; a further run resumes where this one
            ended.
    """
    if not state.in_flight:
        await asyncio.to_thread(state.begin, await end_positions(settings))
    async with open_lane(settings, state.positions.completions, clock, tracer) as lane:
        await runner.run(lane, observer)
