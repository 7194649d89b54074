"""The controller: a thin loop that reads, judges, changes the rollout where it leads, and reports."""

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
from worker.kafka.client.topics import TopicError
from worker.lifecycle.clock import Clock
from worker.rollout.analysis.attempt_counts import AttemptCounts
from worker.rollout.analysis.observations import Observation
from worker.rollout.controller.attempts_reader import AttemptsReader, Take
from worker.rollout.controller.metrics import RolloutMetrics
from worker.rollout.controller.prometheus import PrometheusClient
from worker.rollout.controller.stage_monitor import StageMonitor
from worker.rollout.controller.state_machine import Transition, next_step
from worker.rollout.controller.webhooks import RevisionHistory
from worker.rollout.log.codec import Provenance, current_state
from worker.rollout.log.reader import RolloutLog
from worker.rollout.log.writer import RevisionWriter, SupersededError
from worker.rollout.plan.active import active_plan
from worker.rollout.plan.document import InvalidFileError
from worker.rollout.plan.freeze import active_freeze
from worker.rollout.plan.model import Plan
from worker.rollout.state import RolloutState

_LONGEST_S: Final = 2.0
_WAIT_S: Final = 0.5
# Clocks differ: what was published shortly before a stage began by one may have ended in it by another.
_MARGIN: Final = timedelta(minutes=1)
_MOST_EVIDENCE: Final = 60
_LONGEST_REASON: Final = 1000
_log = structlog.get_logger(__name__)

OpenLog = Callable[[], AbstractAsyncContextManager[RolloutLog]]
OpenAttempts = Callable[[datetime, Take], AbstractAsyncContextManager[AttemptsReader]]
Report = Callable[[RolloutStatus], Awaitable[None]]


@dataclass(frozen=True)
class ControllerParts:
    """What the controller works with.

    Attributes:
        open_log: opens the rollout's log.
        open_attempts: opens the attempts that were published since a time.
        create_writer: changes the rollout.
        leads: whether this one does; one that doesn't reads and judges all the same, to be ready.
        queries: of Prometheus.
        report: is given each round; it publishes it where this one leads.
        known: is kept up to date with the log.
        metrics: show the round.
        catalogue: the keys of all characters.
        clock: the time.
        actor: who the revisions are by.
        round_s: the longest time between two rounds.
    """

    open_log: OpenLog
    open_attempts: OpenAttempts
    create_writer: Callable[[RolloutLog], RevisionWriter]
    leads: Callable[[], bool]
    queries: PrometheusClient
    report: Report
    known: RevisionHistory
    metrics: RolloutMetrics
    catalogue: frozenset[str]
    clock: Clock
    actor: str
    round_s: float


class Controller:
    """Runs the plan that `tts.rollout` says."""

    def __init__(self, parts: ControllerParts) -> None:
        self._parts = parts
        self._told = False
        self._unusable: str | None = None
        parts.metrics.leads.set_function(parts.leads)
        self.waits_for = ["the rollout's topic"]
        """What it waits for before it judges; empty while it does, or has nothing to judge."""
        self.ready = asyncio.Event()
        """Set once it has caught up for the first time, or has found that there is nothing that it can judge."""

    async def run(self) -> None:
        """Goes on until it is cancelled, whatever happens to Kafka."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((KafkaError, OSError, TopicError)),
            wait=wait_random_exponential(multiplier=0.25, max=_LONGEST_S),
            before_sleep=self._tell_outage,
        )
        await retrying(self._follow)

    async def _follow(self) -> None:
        async with self._parts.open_log() as log:
            await log.read_to_end()
            while True:
                self._note(log)
                self._told = False
                run = current_state(log.revisions).run
                plan = self._plan(run)
                if run is None or plan is None:
                    self.waits_for = [] if run is None else ["a plan that it can use"]
                    self.ready.set()
                    self._parts.metrics.show(())
                    await log.poll(_WAIT_S)
                    continue
                ledger = AttemptCounts(plan.windows.resolution)

                def take(
                    observation: Observation, at: datetime, plan: Plan = plan, ledger: AttemptCounts = ledger
                ) -> None:
                    ledger.add(observation, plan.length_band(observation.text_characters), at)

                async with self._parts.open_attempts(run.since - _MARGIN, take) as reader:
                    await self._watch(log, reader, ledger, plan, run)

    async def _watch(
        self, log: RolloutLog, reader: AttemptsReader, ledger: AttemptCounts, plan: Plan, started: PlanRun
    ) -> None:
        """Watches a plan's run until it is another one."""
        every_s = min(self._parts.round_s, plan.windows.resolution.total_seconds())
        watching: StageMonitor | None = None
        while True:
            state = current_state(log.revisions)
            run = state.run
            if run is None or (run.text, run.day_s) != (started.text, started.day_s) or run.since < started.since:
                return
            if watching is None or watching.begun != (run.stage, run.stage_revision):
                watching = StageMonitor(plan, run, ledger, self._parts.catalogue)
                ledger.forget(run.since - _MARGIN)
            if reader.caught_up:
                self.waits_for = []
                self.ready.set()
                ledger.forget_ids(reader.read_to)
                await self._round(log, reader, watching, state)
            else:
                self.waits_for = ["the attempts since the stage began"]
            await self._read(log, reader, every_s)

    async def _read(self, log: RolloutLog, reader: AttemptsReader, for_s: float) -> None:
        """Reads both topics until the next round is due, or the rollout has changed."""
        until = self._parts.clock.monotonic() + for_s
        revision = log.revisions.revision
        while True:
            left = until - self._parts.clock.monotonic()
            await reader.poll(min(_WAIT_S, left) if left > 0 else _WAIT_S)
            await log.poll(0)
            self._note(log)
            if log.revisions.revision != revision or (left <= 0 and reader.caught_up) or left <= -for_s:
                return

    async def _round(
        self, log: RolloutLog, reader: AttemptsReader, watching: StageMonitor, state: RolloutState
    ) -> None:
        parts = self._parts
        answers = await parts.queries.ask(watching.queries)
        now = parts.clock.now()
        # What isn't read yet isn't settled, however long ago it ended.
        settled = reader.read_to - watching.plan.windows.settle
        judged = watching.judge(state, now, settled, answers)
        freeze = active_freeze(watching.plan.freeze, now)
        step = next_step(state, watching.plan, judged, now, freeze)
        status = watching.status(state, judged, step, now, freeze)
        parts.metrics.show((*judged.gates, *judged.rules))
        parts.metrics.served.set(status.served_s)
        parts.metrics.late.set(status.late)
        parts.metrics.repeated.set(status.repeated)
        parts.metrics.rounds.set(now.timestamp())
        if isinstance(step, Transition) and parts.leads():
            await self._change(log, state, step)
        elif isinstance(step, Transition):
            _log.info("rollout_would_change", kind=step.kind, why=step.why)
        await parts.report(status)

    async def _change(self, log: RolloutLog, before: RolloutState, step: Transition) -> None:
        measured = tuple(each.measurement() for each in step.evidence[:_MOST_EVIDENCE])
        author = Provenance(self._parts.actor, f"{step.kind}: {step.why}"[:_LONGEST_REASON], measured)
        try:
            revision = await self._parts.create_writer(log).write(before, step.verb(before), author)
        except SupersededError as error:
            # What they made of it is judged anew.
            _log.info("rollout_overtaken", by=error.winner.actor, revision=error.winner.revision)
        else:
            _log.info("rollout_changed", kind=step.kind, revision=revision.revision, why=step.why)

    def _plan(self, run: PlanRun | None) -> Plan | None:
        if run is None:
            return None
        try:
            return active_plan(run, self._parts.catalogue)
        except InvalidFileError as error:
            if self._unusable != run.text:
                self._unusable = run.text
                _log.error("rollout_plan_unusable", plan=run.plan, error=str(error))
            return None

    def _note(self, log: RolloutLog) -> None:
        self._parts.known.revisions, self._parts.known.position = log.revisions, log.position

    def _tell_outage(self, state: RetryCallState) -> None:
        self.waits_for = ["kafka"]
        error = state.outcome.exception() if state.outcome else None
        if not self._told:
            self._told = True
            _log.warning("rollout_unreachable", error=f"{type(error).__name__}: {error}", detail="trying again")
