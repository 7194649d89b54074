"""Simulates one rollout: the controller's own rounds on a virtual clock, over the traffic of a trace. Pure."""

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from schemas.enums import Phase, VoiceModel
from schemas.revision import Approval
from worker.rollout.analysis.attempt_counts import AttemptCounts
from worker.rollout.analysis.preferences import Votes
from worker.rollout.analysis.tally import CellKey, Tally
from worker.rollout.analysis.verdict import Evaluation, Status, Use
from worker.rollout.controller import manual_changes, stages
from worker.rollout.controller.plan_run import require_run, time_served
from worker.rollout.controller.stage_monitor import StageMonitor
from worker.rollout.controller.state_machine import Stay, Transition, next_step
from worker.rollout.controller.ways_on import ways_on
from worker.rollout.plan.freeze import active_freeze
from worker.rollout.plan.model import Plan
from worker.rollout.plan.units import DAY, format_duration
from worker.rollout.simulation.result import ROLL_BACKS, Event, ModelTotals, Point, SimulatedRollout
from worker.rollout.simulation.trace import Trace
from worker.rollout.simulation.traffic import BEGIN, Traffic
from worker.rollout.state import OFF, RolloutState

_APPROVER: Final = "somebody"


def simulate(plan: Plan, trace: Trace, catalogue: frozenset[str], seed: int, step: timedelta) -> SimulatedRollout:
    """Run a plan from its first stage to its end, or to the trace's.

    Each question is approved when its stage begins; people do nothing else, so that a plan that waits for a person
    waits until the end. A change of the state applies from the first step that begins after it. The simulation ends
    before its trace when the plan ends, or when Chirp is off and waits for a person: nothing more happens then.

    Args:
        plan: with days of 24 hours.
        trace: the traffic.
        catalogue: the keys of all characters.
        seed: of the random numbers.
        step: the length of a step of drawing and evaluating: the plan's resolution, its short window, or between; the
            short window must be a multiple of it.
    """
    simulator = _Simulator(plan, trace, catalogue, seed, step)
    while simulator.is_running:
        simulator.run_step()
    return simulator.result()


@dataclass
class _Simulator:
    plan: Plan
    trace: Trace
    catalogue: frozenset[str]
    seed: int
    step: timedelta
    after: timedelta = timedelta(0)
    failed_after_break: int = 0
    events: list[Event] = field(default_factory=list)
    totals: dict[VoiceModel, ModelTotals] = field(default_factory=lambda: {each: ModelTotals() for each in VoiceModel})
    first_failed: dict[tuple[Use, str, str | None], timedelta] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    waits_for: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        windows = self.plan.windows.model_copy(update={"resolution": self.step})
        self.plan = self.plan.model_copy(update={"windows": windows})
        self._traffic = Traffic(self.trace, self.plan, self.catalogue, self.seed)
        self._counts = AttemptCounts(self.step)
        self._votes = Votes()
        started = stages.start(OFF, self.plan, BEGIN, text=self.plan.name, day_s=DAY.total_seconds())
        self._state = self._approve_all(replace(started, revision=OFF.revision + 1), BEGIN)
        # The state that workers decide by, and the states to come: a change is made once its attempts are settled, and
        # applies to the steps that begin after that.
        self._workers_state, self._upcoming = self._state, deque[tuple[datetime, RolloutState]]()
        self._monitor = StageMonitor(self.plan, require_run(self._state), self._counts, self._votes, self.catalogue)
        self._record_event("started", self.plan.text, timedelta(0))

    @property
    def is_running(self) -> bool:
        phase = require_run(self._state).phase
        is_over = phase is Phase.DONE or (phase is Phase.WAITING and self._state.is_off)
        return self.after < self.trace.lasts and not is_over

    def run_step(self) -> None:
        begin = BEGIN + self.after
        while self._upcoming and self._upcoming[0][0] <= begin:
            self._workers_state = self._upcoming.popleft()[1]
        number = self._counts.step_at(begin)
        drawn = list(self._traffic.draw_step(begin, self.step, self._workers_state))
        for key, tally in drawn:
            self._counts.add_tally(number, key, tally)
        exposed = self._workers_state.exposed_characters(self.catalogue, begin)
        for character, outcome in self._traffic.draw_votes(self.step, exposed):
            self._votes.add_outcome(character, outcome)
        self._add_totals(drawn)
        self.after += self.step
        self._run_round(BEGIN + self.after)

    def _run_round(self, settled: datetime) -> None:
        now = settled + self.plan.windows.settle
        run = require_run(self._state)
        if not self._monitor.is_for(run):
            self._monitor = StageMonitor(self.plan, run, self._counts, self._votes, self.catalogue)
            self._counts.forget(run.since)
        is_served = time_served(run, now) >= self._monitor.stage.at_least
        evaluation = self._monitor.evaluate(self._state, now, settled, {}, with_gates=is_served)
        self._record_failures(evaluation)
        step = next_step(self._state, self.plan, evaluation, now, active_freeze(self.plan.freeze, now))
        self.waits_for = step.why if isinstance(step, Stay) else ()
        if isinstance(step, Transition):
            changed = replace(step.verb(self._state), revision=self._state.revision + 1)
            self._state = self._approve_all(changed, now)
            self._upcoming.append((now, self._state))
            self._record_event(step.kind, step.why, now - BEGIN)

    def _approve_all(self, state: RolloutState, now: datetime) -> RolloutState:
        run = require_run(state)
        if run.phase is not Phase.RUNNING:
            return state
        for question in self.plan.stage(run.stage).approvals:
            approval = Approval(name=question.name, approved=True, actor=_APPROVER, time=now, reason="")
            state = manual_changes.answer(state, self.plan, approval)
        return state

    def _add_totals(self, drawn: list[tuple[CellKey, Tally]]) -> None:
        in_step = {model: ModelTotals() for model in VoiceModel}
        for key, tally in drawn:
            in_step[key.voice_model].add(tally)
            self.totals[key.voice_model].add(tally)
        chirp, wavenet = in_step[VoiceModel.CHIRP3_HD], in_step[VoiceModel.WAVENET]
        if self.trace.breaks_at is not None and self.after >= self.trace.breaks_at:
            self.failed_after_break += chirp.failed
        percentage = 0 if self._workers_state.is_off else self._workers_state.percentage
        point = Point(self.after, percentage, chirp.attempts, chirp.failed, wavenet.attempts, wavenet.failed)
        self.points.append(point)

    def _record_failures(self, evaluation: Evaluation) -> None:
        for each in evaluation.rules:
            if each.status is Status.FAIL:
                self.first_failed.setdefault((each.use, each.title, each.character), self.after)

    def _record_event(self, kind: str, why: str, after: timedelta) -> None:
        state, stage = self._state, require_run(self._state).stage
        exposed = state.exposed_characters(self.catalogue, BEGIN + after)
        percentage = 0 if state.is_off else state.percentage
        self.events.append(Event(after, kind, stage, percentage, len(exposed), why))

    def result(self) -> SimulatedRollout:
        return SimulatedRollout(
            seed=self.seed,
            lasted=self.after,
            events=tuple(self.events),
            totals=self.totals,
            failed_after_break=self.failed_after_break,
            first_failed=self.first_failed,
            points=tuple(self.points),
            end=self._describe_end(),
            waits_for=self._waits_for_at_end(),
        )

    def _describe_end(self) -> str:
        run = require_run(self._state)
        if run.phase is Phase.DONE:
            return "the plan has ended: all of its stages are served"
        if run.phase is not Phase.WAITING:
            return f"the trace ends after {format_duration(self.trace.lasts)}, in stage {run.stage}"
        percentage = "Chirp is off" if self._state.is_off else f"{self._state.percent:g} % of users get Chirp"
        return f"{percentage}, and the plan waits for a person in stage {run.stage}: {self._why_it_waits()}"

    def _why_it_waits(self) -> str:
        kinds = {*ROLL_BACKS, "waits"}
        return next((each.why for each in reversed(self.events) if each.kind in kinds), "")

    def _waits_for_at_end(self) -> tuple[str, ...]:
        run, now = require_run(self._state), BEGIN + self.after
        if run.phase is Phase.WAITING:
            return ways_on(self._state, self.plan, now)
        return self.waits_for if run.phase is not Phase.DONE else ()
