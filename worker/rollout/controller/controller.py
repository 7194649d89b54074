"""The controller of the canary rollout: a loop that reads attempts, evaluates the stage, and writes the next revision.

A round: `attempts_reader` → `stage_monitor` (gates and roll-back rules) → `state_machine` (what follows) → `stages`
(the new state) → the log's writer → the status report. Every controller does the rounds, only the leader writes.
`webhooks` announces the revisions from the log.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from aiokafka.errors import KafkaError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from schemas.revision import PlanRun
from schemas.rollout_status import RolloutStatus
from worker.kafka.client.connection_problem import BrokerConnectionError
from worker.kafka.client.topics import TopicError
from worker.lifecycle.clock import Clock
from worker.rollout.analysis.verdict import Evaluation
from worker.rollout.controller.attempts_reader import AttemptsReader
from worker.rollout.controller.evidence import Evidence, Observers
from worker.rollout.controller.metrics import RolloutMetrics
from worker.rollout.controller.prometheus import PrometheusClient
from worker.rollout.controller.stage_monitor import StageMonitor
from worker.rollout.controller.state_machine import Stay, Transition, next_step
from worker.rollout.controller.webhooks import RevisionHistory
from worker.rollout.controller.workers_seen import WorkersSeen
from worker.rollout.log.codec import Provenance, current_state
from worker.rollout.log.reader import RolloutLog
from worker.rollout.log.writer import RevisionWriter, SupersededError
from worker.rollout.plan.active import active_plan
from worker.rollout.plan.document import InvalidFileError
from worker.rollout.plan.freeze import active_freeze
from worker.rollout.plan.model import Plan
from worker.rollout.state import RolloutState

_LONGEST_BACKOFF_S: Final = 2.0
_POLL_S: Final = 0.5
_REPORT_TIMEOUT_S: Final = 5.0
# The longest time between two looks at the log; a round that takes longer hangs.
_ALIVE_S: Final = 60.0
# Clocks differ: an attempt that was published shortly before the stage began, by one clock, may have ended in it by
# another.
_MARGIN: Final = timedelta(minutes=1)
_MOST_EVIDENCE: Final = 60
_MOST_REASON_CHARACTERS: Final = 1000
_log = structlog.get_logger(__name__)

OpenLog = Callable[[], AbstractAsyncContextManager[RolloutLog]]
OpenAttempts = Callable[[datetime, Observers], AbstractAsyncContextManager[AttemptsReader]]
Report = Callable[[RolloutStatus], Awaitable[None]]


@dataclass(frozen=True)
class ControllerParts:
    """What the controller works with.

    Attributes:
        open_attempts: opens the attempts that were published since a time.
        is_leader: a controller that doesn't lead evaluates all the same, to be ready, but changes nothing.
        report: called with the status of each round; may raise KafkaError.
        history: kept up to date with the log.
        catalogue: the keys of all characters.
        actor: the name under which it makes revisions.
        round_s: the longest time between two rounds, in seconds.
    """

    open_log: OpenLog
    open_attempts: OpenAttempts
    create_writer: Callable[[RolloutLog], RevisionWriter]
    is_leader: Callable[[], bool]
    prometheus: PrometheusClient
    report: Report
    history: RevisionHistory
    metrics: RolloutMetrics
    catalogue: frozenset[str]
    clock: Clock
    actor: str
    round_s: float


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
        self._writes = True
        self._alive_at = parts.clock.monotonic()
        self.waits_for = ["the rollout's topic"]
        self.ready = asyncio.Event()

    @property
    def works(self) -> bool:
        """Whether it reads the topics and what it last wrote was accepted: else it rolls nothing back."""
        is_alive = self._parts.clock.monotonic() - self._alive_at <= _ALIVE_S
        return is_alive and self._writes and not self.waits_for

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
                await self._round(log, reader, evidence, monitor, state)
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

    async def _round(
        self,
        log: RolloutLog,
        reader: AttemptsReader,
        evidence: Evidence,
        monitor: StageMonitor,
        state: RolloutState,
    ) -> None:
        parts = self._parts
        answers = await parts.prometheus.run_queries(monitor.queries)
        now = parts.clock.now()
        # Attempts that aren't read yet aren't settled, however long ago they ended.
        settled = reader.read_to - monitor.plan.windows.settle
        evaluation = monitor.evaluate(state, now, settled, answers)
        freeze = active_freeze(monitor.plan.freeze, now)
        step = next_step(state, monitor.plan, evaluation, now, freeze)
        status = monitor.status(state, evaluation, step, now, freeze)
        status = status.model_copy(update={"workers": self._workers.recent(now), **evidence.opinions()})
        self._export(state.run, evaluation, step, status)
        parts.metrics.show_reading(reader.unreadable_by_content(), (now - reader.read_to).total_seconds())
        if isinstance(step, Transition) and parts.is_leader():
            await self._write(log, state, step)
        elif isinstance(step, Transition):
            _log.info("rollout_would_change", kind=step.kind, why=step.why)
        await self._report(status)

    async def _report(self, status: RolloutStatus) -> None:
        try:
            async with asyncio.timeout(_REPORT_TIMEOUT_S):
                await self._parts.report(status)
        except (KafkaError, TimeoutError) as error:
            self._writes = False
            _log.warning("rollout_report_failed", error=f"{type(error).__name__}: {error}")
        else:
            self._writes = True

    def _export(
        self, run: PlanRun | None, evaluation: Evaluation, step: Stay | Transition, status: RolloutStatus
    ) -> None:
        metrics = self._parts.metrics
        metrics.show((*evaluation.gates, *evaluation.rules))
        metrics.show_run(run, step.missing if isinstance(step, Stay) else ())
        metrics.time_served.set(status.served_s)
        metrics.late.set(status.late)
        metrics.show_opinions(status.feedback, status.votes)
        metrics.repeated.set(status.repeated)
        metrics.last_round.set(status.time.timestamp())

    async def _write(self, log: RolloutLog, before: RolloutState, step: Transition) -> None:
        measured = tuple(each.measurement() for each in step.evidence[:_MOST_EVIDENCE])
        reason = f"{step.kind}: {step.why}"[:_MOST_REASON_CHARACTERS]
        provenance = Provenance(self._parts.actor, reason, measured)
        try:
            revision = await self._parts.create_writer(log).write(before, step.verb(before), provenance)
        except KafkaError:
            self._writes = False
            raise
        except SupersededError as error:
            # The next round evaluates the other writer's state.
            _log.info("rollout_change_superseded", by=error.winner.actor, revision=error.winner.revision)
        else:
            self._parts.metrics.transitions.labels(step.kind).inc()
            _log.info("rollout_changed", kind=step.kind, revision=revision.revision, why=step.why)

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
