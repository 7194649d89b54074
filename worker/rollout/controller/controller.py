"""The controller of the canary rollout: follows the log and the attempts, and does a round of the stage when it is due.

A round (`rounds`): `attempts_reader` → `stage_monitor` (gates and roll-back rules) → `state_machine` (what follows) →
`stages` (the new state) → the log's writer → the status report. Every controller does the rounds, only the leader
writes. `webhooks` announces the revisions from the log.
"""

import asyncio
from datetime import timedelta
from typing import Final

import structlog
from aiokafka.errors import KafkaError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from schemas.revision import PlanRun
from worker.kafka.client.connection_problem import BrokerConnectionError
from worker.kafka.client.topics import TopicError
from worker.rollout.controller.attempts_reader import AttemptsReader
from worker.rollout.controller.controller_parts import ControllerParts
from worker.rollout.controller.evidence import Evidence
from worker.rollout.controller.rounds import Rounds
from worker.rollout.controller.stage_monitor import StageMonitor
from worker.rollout.controller.workers_seen import WorkersSeen
from worker.rollout.log.codec import current_state
from worker.rollout.log.reader import RolloutLog
from worker.rollout.plan.active import active_plan
from worker.rollout.plan.document import InvalidFileError
from worker.rollout.plan.model import Plan

_LONGEST_BACKOFF_S: Final = 2.0
_POLL_S: Final = 0.5
# The longest time between two looks at the log; a round that takes longer hangs.
_ALIVE_S: Final = 60.0
# Clocks differ: an attempt that was published shortly before the stage began, by one clock, may have ended in it by
# another.
_MARGIN: Final = timedelta(minutes=1)
_log = structlog.get_logger(__name__)


class Controller:
    """Runs the plan of the current revision.

    Attributes:
        waits_for: what it waits for before it can evaluate; empty while it evaluates, or has no plan to evaluate.
        ready: set once it has caught up for the first time, or has found that there is no plan that it can evaluate.
    """

    def __init__(self, parts: ControllerParts) -> None:
        self._parts = parts
        self._outage_logged = False
        self._unusable_plan: str | None = None
        parts.metrics.is_leader.set_function(lambda: parts.is_leader() and self.works)
        self._workers = WorkersSeen()
        self._rounds = Rounds(parts, self._workers)
        self._alive_at = parts.clock.monotonic()
        self.waits_for = ["the rollout's topic"]
        self.ready = asyncio.Event()

    @property
    def works(self) -> bool:
        """Whether it reads the topics and what it last wrote was accepted: else it rolls nothing back."""
        is_alive = self._parts.clock.monotonic() - self._alive_at <= _ALIVE_S
        return is_alive and self._rounds.writes and not self.waits_for

    async def run(self) -> None:
        """Runs until it is cancelled; retries all errors of Kafka."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((KafkaError, OSError, TopicError)),
            wait=wait_random_exponential(multiplier=0.25, max=_LONGEST_BACKOFF_S),
            before_sleep=self._log_outage,
        )
        await retrying(self._follow)

    async def _follow(self) -> None:
        async with self._parts.open_log() as log:
            await log.read_to_end()
            while True:
                self._update_history(log)
                self._outage_logged = False
                run = current_state(log.revisions).run
                plan = self._read_plan(run)
                if run is None or plan is None:
                    self.waits_for = [] if run is None else ["a plan that it can use"]
                    self.ready.set()
                    self._parts.metrics.show(())
                    self._parts.metrics.show_run(run)
                    await log.poll(_POLL_S)
                else:
                    await self._follow_run(log, plan, run)

    async def _follow_run(self, log: RolloutLog, plan: Plan, run: PlanRun) -> None:
        evidence = Evidence(plan, self._workers)
        async with self._parts.open_attempts(run.since - _MARGIN, evidence.observers()) as reader:
            await self._monitor_run(log, reader, evidence, plan, run)

    async def _monitor_run(
        self, log: RolloutLog, reader: AttemptsReader, evidence: Evidence, plan: Plan, started: PlanRun
    ) -> None:
        """Evaluates the stages of a run, round by round, until the revision has another run."""
        every_s = min(self._parts.round_s, plan.windows.resolution.total_seconds())
        monitor: StageMonitor | None = None
        while True:
            state = current_state(log.revisions)
            run = state.run
            if run is None or (run.text, run.day_s) != (started.text, started.day_s) or run.since < started.since:
                return
            if monitor is None or not monitor.is_for(run):
                monitor = StageMonitor(plan, run, evidence.counts, evidence.votes, self._parts.catalogue)
                evidence.counts.forget(run.since - _MARGIN)
            evidence.feedback.settle(reader.read_to)
            if reader.caught_up:
                self.waits_for = []
                self.ready.set()
                evidence.counts.forget_ids(reader.read_to)
                await self._rounds.evaluate(log, reader, evidence, monitor, state)
            else:
                self.waits_for = ["the attempts since the stage began"]
            await self._read_until_next_round(log, reader, evidence, every_s)

    async def _read_until_next_round(
        self, log: RolloutLog, reader: AttemptsReader, evidence: Evidence, every_s: float
    ) -> None:
        """Reads both topics until the next round is due, or the rollout has changed."""
        due = self._parts.clock.monotonic() + every_s
        revision = log.revisions.revision
        while True:
            left = due - self._parts.clock.monotonic()
            await reader.poll(min(_POLL_S, left) if left > 0 else _POLL_S)
            evidence.feedback.settle(reader.read_to)
            await log.poll(0)
            self._update_history(log)
            if log.revisions.revision != revision or (left <= 0 and reader.caught_up) or left <= -every_s:
                return

    def _read_plan(self, run: PlanRun | None) -> Plan | None:
        if run is None:
            return None
        try:
            return active_plan(run, self._parts.catalogue)
        except InvalidFileError as error:
            if self._unusable_plan != run.text:
                self._unusable_plan = run.text
                _log.error("rollout_plan_unusable", plan=run.plan, error=str(error))
            return None

    def _update_history(self, log: RolloutLog) -> None:
        self._alive_at = self._parts.clock.monotonic()
        self._parts.history.revisions, self._parts.history.position = log.revisions, log.position

    def _log_outage(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        reason = str(error) if isinstance(error, BrokerConnectionError) else None
        self.waits_for = [reason or "kafka"]
        if not self._outage_logged:
            self._outage_logged = True
            message = reason or f"{type(error).__name__}: {error}"
            _log.warning("rollout_unreachable", error=message, detail="retrying")
