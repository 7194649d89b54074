"""One simulated rollout: the controller's own rounds on a virtual clock, over the traffic of a trace. Pure."""

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from schemas.revision import Approval
from schemas.words import Phase, VoiceModel
from worker.pricing.google_terms import list_price
from worker.rollout.analysis.attempt_counts import AttemptCounts
from worker.rollout.analysis.tally import CellKey, Tally
from worker.rollout.analysis.verdict import Evaluation, Status, Use
from worker.rollout.controller import manual_changes, stages
from worker.rollout.controller.plan_run import require_run
from worker.rollout.controller.stage_monitor import StageMonitor
from worker.rollout.controller.state_machine import Transition, next_step
from worker.rollout.plan.freeze import frozen
from worker.rollout.plan.model import DAY, Plan
from worker.rollout.simulation.trace import Trace
from worker.rollout.simulation.traffic import BEGIN, Traffic
from worker.rollout.state import OFF, RolloutState

BACK: Final = frozenset({"turned off", "stepped back"})
"""The kinds of changes that roll back."""
_PEOPLE: Final = "somebody"


@dataclass(frozen=True)
class Entry:
    """What happened.

    Attributes:
        after: how long after the begin.
        kind: `started`, or of a step of the controller.
        stage: the one from then on.
        percentage: of users who hear Chirp from then on, in hundredths.
        characters: how many of them hear it.
        why: for people.
    """

    after: timedelta
    kind: str
    stage: str
    percentage: int
    characters: int
    why: str


@dataclass
class Heard:
    """Attempts and stored takes of one voice model, with what they were billed."""

    attempts: int = 0
    failed: int = 0
    stored: int = 0
    billed: int = 0

    def add(self, tally: Tally) -> None:
        """Counts a cell."""
        self.attempts += tally.attempts
        self.failed += tally.errors
        self.stored += tally.cached
        self.billed += tally.billed


class Point(NamedTuple):
    """A step, for a picture: who hears Chirp in it, and both models' attempts."""

    after: timedelta
    percentage: int
    chirp: int
    chirp_failed: int
    wavenet: int
    wavenet_failed: int


@dataclass(frozen=True)
class Course:
    """What came of a simulation.

    Attributes:
        seed: that it was drawn by.
        lasted: how long, up to where nothing more could happen.
        entries: what happened, in order.
        heard: by voice model.
        failed_after_break: Chirp's attempts that failed since the trace's `breaks_at`.
        first_failed: how long after the begin each rule failed first, dry runs too: by use, title and character.
        points: of each step.
    """

    seed: int
    lasted: timedelta
    entries: tuple[Entry, ...]
    heard: dict[VoiceModel, Heard]
    failed_after_break: int
    first_failed: dict[tuple[Use, str, str | None], timedelta]
    points: tuple[Point, ...]

    @property
    def dollars(self) -> float:
        """What Google is paid, by list prices without the free tier."""
        return list_price({model: each.billed for model, each in self.heard.items()})


def simulated(plan: Plan, trace: Trace, catalogue: frozenset[str], seed: int, step: timedelta) -> Course:
    """Runs a plan from its first stage to its end, or the trace's.

    People say yes to each question when its stage begins, and do nothing else: a plan that waits for them goes on
    waiting. A change of the state holds from the first step on that begins after it. It ends before the trace does with
    the plan's end, and where Chirp is off and a person is waited for: nothing more happens then.

    Args:
        plan: with days of 24 hours.
        trace: the traffic.
        catalogue: the keys of all characters.
        seed: of what is drawn.
        step: how much is drawn and judged at once: the plan's resolution, its short window, or between; the short
            window must be a multiple of it.
    """
    course = _Running(plan, trace, catalogue, seed, step)
    while course.goes_on:
        course.next()
    return course.ended()


@dataclass
class _Running:
    plan: Plan
    trace: Trace
    catalogue: frozenset[str]
    seed: int
    step: timedelta
    after: timedelta = timedelta(0)
    failed_after_break: int = 0
    entries: list[Entry] = field(default_factory=list)
    heard: dict[VoiceModel, Heard] = field(default_factory=lambda: {model: Heard() for model in VoiceModel})
    first_failed: dict[tuple[Use, str, str | None], timedelta] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)

    def __post_init__(self) -> None:
        windows = self.plan.windows.model_copy(update={"resolution": self.step})
        self.plan = self.plan.model_copy(update={"windows": windows})
        self._traffic = Traffic(self.trace, self.plan, self.catalogue, self.seed)
        self._ledger = AttemptCounts(self.step)
        started = stages.start(OFF, self.plan, BEGIN, text=self.plan.name, day_s=DAY.total_seconds())
        self._state = self._answered(replace(started, revision=OFF.revision + 1), BEGIN)
        # What workers decide by, and what they will: a change is made once its attempts are settled, and holds for the
        # steps that begin after that.
        self._decides, self._coming = self._state, deque[tuple[datetime, RolloutState]]()
        self._watching = StageMonitor(self.plan, require_run(self._state), self._ledger, self.catalogue)
        self._note("started", self.plan.text, timedelta(0))

    @property
    def goes_on(self) -> bool:
        phase = require_run(self._state).phase
        over = phase is Phase.DONE or (phase is Phase.WAITING and self._state.is_off)
        return self.after < self.trace.lasts and not over

    def next(self) -> None:
        begin = BEGIN + self.after
        while self._coming and self._coming[0][0] <= begin:
            self._decides = self._coming.popleft()[1]
        number = self._ledger.step_of(begin)
        drawn = list(self._traffic.step(begin, self.step, self._decides))
        for key, tally in drawn:
            self._ledger.add_tally(number, key, tally)
        self._count(drawn)
        self.after += self.step
        self._round(BEGIN + self.after)

    def _round(self, settled: datetime) -> None:
        now = settled + self.plan.windows.settle
        run = require_run(self._state)
        if self._watching.begun != (run.stage, run.stage_revision):
            self._watching = StageMonitor(self.plan, run, self._ledger, self.catalogue)
            self._ledger.forget(run.since)
        judged = self._watching.judge(self._state, now, settled, {})
        self._remember(judged)
        step = next_step(self._state, self.plan, judged, now, frozen(self.plan.freeze, now))
        if isinstance(step, Transition):
            after = replace(step.verb(self._state), revision=self._state.revision + 1)
            self._state = self._answered(after, now)
            self._coming.append((now, self._state))
            self._note(step.kind, step.why, now - BEGIN)

    def _answered(self, state: RolloutState, now: datetime) -> RolloutState:
        run = require_run(state)
        if run.phase is not Phase.RUNNING:
            return state
        for question in self.plan.stage(run.stage).approvals:
            yes = Approval(name=question.name, approved=True, actor=_PEOPLE, time=now, reason="")
            state = manual_changes.answer(state, self.plan, yes)
        return state

    def _count(self, drawn: list[tuple[CellKey, Tally]]) -> None:
        chirp, wavenet = Heard(), Heard()
        of = {VoiceModel.CHIRP3_HD: chirp, VoiceModel.WAVENET: wavenet}
        for key, tally in drawn:
            of[key.voice_model].add(tally)
            self.heard[key.voice_model].add(tally)
        if self.trace.breaks_at is not None and self.after >= self.trace.breaks_at:
            self.failed_after_break += chirp.failed
        percentage = 0 if self._decides.is_off else self._decides.percentage
        self.points.append(
            Point(self.after, percentage, chirp.attempts, chirp.failed, wavenet.attempts, wavenet.failed)
        )

    def _remember(self, judged: Evaluation) -> None:
        for each in judged.rules:
            if each.verdict is Status.FAIL:
                self.first_failed.setdefault((each.use, each.title, each.character), self.after)

    def _note(self, kind: str, why: str, after: timedelta) -> None:
        state, stage = self._state, require_run(self._state).stage
        hears = state.exposed_characters(self.catalogue, BEGIN + after)
        percentage = 0 if state.is_off else state.percentage
        self.entries.append(Entry(after, kind, stage, percentage, len(hears), why))

    def ended(self) -> Course:
        return Course(
            seed=self.seed,
            lasted=self.after,
            entries=tuple(self.entries),
            heard=self.heard,
            failed_after_break=self.failed_after_break,
            first_failed=self.first_failed,
            points=tuple(self.points),
        )
