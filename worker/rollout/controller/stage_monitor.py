"""Monitors one stage of a run: evaluates its gates and roll-back rules, round by round. Pure."""

from collections.abc import Collection, Mapping
from datetime import datetime

from schemas.revision import PlanRun
from schemas.rollout_status import Asked, RolloutStatus
from schemas.rollout_status import Judged as JudgedMessage
from worker.rollout.analysis.arm_balance import arm_differences
from worker.rollout.analysis.arm_rates import arm_rates
from worker.rollout.analysis.attempt_counts import AttemptCounts
from worker.rollout.analysis.comparisons import Comparisons
from worker.rollout.analysis.evaluate_query import QueryResult
from worker.rollout.analysis.measurements import Measurements
from worker.rollout.analysis.preferences import Votes
from worker.rollout.analysis.stage_evaluation import Round, evaluate_stage
from worker.rollout.analysis.verdict import Evaluation, Verdict
from worker.rollout.controller.plan_run import require_run, time_served
from worker.rollout.controller.state_machine import Stay, Step
from worker.rollout.plan.model import Plan
from worker.rollout.state import RolloutState


class StageMonitor:
    """The measurements and comparisons of a stage, since its beginning.

    Args:
        plan: with shortened days if this is a rehearsal.
        counts: the attempts read so far.
        votes: the listeners' votes read so far.
        catalogue: the keys of all characters.
    """

    def __init__(
        self, plan: Plan, run: PlanRun, counts: AttemptCounts, votes: Votes, catalogue: frozenset[str]
    ) -> None:
        self.plan = plan
        self.stage = plan.stage(run.stage)
        self._key = (run.stage, run.stage_revision)
        self._counts = counts
        self._votes = votes
        self._catalogue = catalogue
        self._measurements = Measurements(counts, run.since, run.stage_revision, plan.windows.short)
        listed = catalogue if self.stage.characters is None else self.stage.characters
        self._comparisons = Comparisons(plan, self.stage, listed)

    def is_for(self, run: PlanRun) -> bool:
        """Whether the run is still in this stage, and the stage hasn't begun again."""
        return self._key == (run.stage, run.stage_revision)

    @property
    def queries(self) -> Collection[str]:
        """The PromQL queries of its gates and rules."""
        return {each.query for each in self.plan.conditions_of(self.stage) if each.query is not None}

    def evaluate(
        self,
        state: RolloutState,
        now: datetime,
        settled: datetime,
        answers: Mapping[str, QueryResult],
        *,
        with_gates: bool = True,
    ) -> Evaluation:
        """Evaluates all gates and rules of the stage.

        Args:
            now: with an offset.
            settled: all attempts that ended before this time are published and counted.
            answers: Prometheus's answers, by query.
            with_gates: False leaves the gates out. They decide nothing before the stage's time is served, and take as
                long as the rules.
        """
        self._measurements.settle(settled)
        starts = {name: until for name, until in state.quarantined.items() if until <= now}
        exposed = state.exposed_characters(self._catalogue, now)
        self._comparisons.update(self._measurements, exposed, starts)
        isolated = frozenset(name for name in state.quarantined if state.is_quarantined(name, now))
        return evaluate_stage(
            Round(
                plan=self.plan,
                stage=self.stage,
                measurements=self._measurements,
                comparisons=self._comparisons,
                votes=self._votes,
                query_results=answers,
                exposed=exposed,
                resumed_at=starts,
                isolated=isolated,
                with_gates=with_gates,
            )
        )

    def status(
        self, state: RolloutState, evaluation: Evaluation, step: Step, now: datetime, frozen: str | None
    ) -> RolloutStatus:
        """The status report of a round; the reporter adds its name and interval.

        Args:
            now: with an offset.
            frozen: why nothing is promoted now; None if it may be.
        """
        run, stage = require_run(state), self.stage
        answers = {each.name: each for each in run.approvals}
        return RolloutStatus(
            time=now,
            controller="",
            every_s=0,
            revision=state.revision,
            plan=run.plan,
            stage=run.stage,
            stages=tuple(each.name for each in self.plan.stages),
            phase=run.phase,
            risk=stage.risk,
            served_s=time_served(run, now).total_seconds(),
            at_least_s=stage.at_least.total_seconds(),
            at_most_s=None if stage.at_most is None else stage.at_most.total_seconds(),
            waits_for=step.why if isinstance(step, Stay) else (f"{step.kind}: {step.why}",),
            asked=tuple(
                Asked(
                    name=each.name,
                    question=each.question,
                    approved=answers[each.name].approved if each.name in answers else None,
                    actor=answers[each.name].actor if each.name in answers else None,
                )
                for each in stage.approvals
            ),
            judged=tuple(_judged_message(each) for each in (*evaluation.gates, *evaluation.rules)),
            arms=arm_rates(self._measurements, self.plan),
            mix=arm_differences(self._measurements, self.plan),
            frozen=frozen,
            attempts=self._counts.counted,
            repeated=self._counts.repeated,
            late=self._counts.late,
        )


def _judged_message(verdict: Verdict) -> JudgedMessage:
    return JudgedMessage(
        use=verdict.use,
        title=verdict.title,
        window=verdict.window,
        verdict=verdict.status,
        character=verdict.character,
        value=verdict.value,
        bound=verdict.bound,
        limit=verdict.limit,
        sample=verdict.sample,
        says=verdict.message,
        dry_run=verdict.dry_run,
    )
