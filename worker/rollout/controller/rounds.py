"""The rounds of a stage: gates and rules, what follows, the next revision, the status report and the metrics."""

import asyncio
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from schemas.revision import PlanRun
from schemas.rollout_status import RolloutStatus
from worker.rollout.analysis.verdict import Evaluation
from worker.rollout.controller.attempts_reader import AttemptsReader
from worker.rollout.controller.controller_parts import ControllerParts
from worker.rollout.controller.evidence import Evidence
from worker.rollout.controller.stage_monitor import StageMonitor
from worker.rollout.controller.state_machine import Stay, Transition, next_step
from worker.rollout.controller.workers_seen import WorkersSeen
from worker.rollout.log.codec import Provenance
from worker.rollout.log.reader import RolloutLog
from worker.rollout.log.writer import SupersededError
from worker.rollout.plan.freeze import active_freeze
from worker.rollout.state import RolloutState

_REPORT_TIMEOUT_S: Final = 5.0
_MOST_EVIDENCE: Final = 60
_MOST_REASON_CHARACTERS: Final = 1000
_log = structlog.get_logger(__name__)


class Rounds:
    """Evaluates the stage, and writes what follows.

    Attributes:
        writes: whether what it last wrote was accepted.
    """

    def __init__(self, parts: ControllerParts, workers: WorkersSeen) -> None:
        self._parts = parts
        self._workers = workers
        self.writes = True

    async def evaluate(
        self,
        log: RolloutLog,
        reader: AttemptsReader,
        evidence: Evidence,
        monitor: StageMonitor,
        state: RolloutState,
    ) -> None:
        """One round: the stage's gates and rules, the revision that follows if this controller leads, and the report.

        Raises:
            KafkaError: the revision can't be written.
        """
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
            self.writes = False
            _log.warning("rollout_report_failed", error=f"{type(error).__name__}: {error}")
        else:
            self.writes = True

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
            self.writes = False
            raise
        except SupersededError as error:
            # The next round evaluates the other writer's state.
            _log.info("rollout_change_superseded", by=error.winner.actor, revision=error.winner.revision)
        else:
            self._parts.metrics.transitions.labels(step.kind).inc()
            _log.info("rollout_changed", kind=step.kind, revision=revision.revision, why=step.why)
