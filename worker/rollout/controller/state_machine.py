"""The state machine of a canary rollout: promote, step back, turn off, quarantine, or wait for a person. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Final

from schemas.enums import Phase
from schemas.revision import PlanRun
from worker.rollout import changes
from worker.rollout.analysis.stage_evaluation import violated_rules
from worker.rollout.analysis.verdict import Evaluation, Status, Verdict
from worker.rollout.controller import stages
from worker.rollout.controller.plan_run import next_stage, previous_stage, require_run, time_served
from worker.rollout.plan.model import Plan, Stage
from worker.rollout.plan.units import elapsed_duration, format_duration
from worker.rollout.state import RolloutState


class WaitsFor(StrEnum):
    """What a promotion may wait for."""

    RESUME = "resume"
    BRAKE = "brake"
    TIME = "time"
    GATE = "gate"
    FREEZE = "freeze"
    APPROVAL = "approval"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Missing:
    """One thing that a promotion waits for.

    Attributes:
        what: its kind. NOTHING: the plan has ended.
        says: a sentence for people.
        which: the gate's label or the question's name; empty for the others.
    """

    what: WaitsFor
    says: str
    which: str = ""


@dataclass(frozen=True)
class Stay:
    """Nothing changes, because of what is missing for a promotion."""

    missing: tuple[Missing, ...]

    @property
    def why(self) -> tuple[str, ...]:
        """What a promotion waits for, a sentence each."""
        return tuple(each.says for each in self.missing)


@dataclass(frozen=True)
class Transition:
    """The state changes.

    Attributes:
        kind: `promoted`, `ended`, `stepped back`, `turned off`, `quarantined` or `waits`.
        verb: makes the new state. If another writer wins, it is applied to their state.
        why: for people.
        evidence: the verdicts that led to it.
    """

    kind: str
    verb: Callable[[RolloutState], RolloutState]
    why: str
    evidence: tuple[Verdict, ...]


Step = Stay | Transition
_MOST_DESCRIBED: Final = 2


def next_step(state: RolloutState, plan: Plan, evaluation: Evaluation, now: datetime, frozen: str | None) -> Step:
    """What follows from a round. Roll-back rules apply in every phase, also while the plan is paused or frozen.

    Args:
        state: a plan must run.
        plan: of the run, with shortened days if this is a rehearsal.
        now: with an offset.
        frozen: why nothing is promoted now; None if it may be.
    """
    run = require_run(state)
    stage = plan.stage(run.stage)
    if not state.is_off and state.percentage:
        back = _roll_back(state, plan, stage, evaluation, now)
        if back is not None:
            return back
    missing = tuple(_missing(state, stage, evaluation, now, frozen))
    if run.phase is not Phase.RUNNING:
        return Stay(missing)
    if not missing:
        following = next_stage(plan, run.stage)
        kind, why = ("ended", "the plan's last stage is served")
        if following is not None:
            kind, why = "promoted", f"stage {run.stage} is served, all its gates pass"
        return Transition(kind, partial(stages.promote, plan=plan, now=now), why, evaluation.gates)
    if stage.at_most is not None and time_served(run, now) > stage.at_most:
        open_ends = "; ".join(each.says for each in missing)
        why = f"stage {run.stage} may last {format_duration(stage.at_most)}, and isn't done: {open_ends}"
        return Transition("waits", partial(stages.wait, now=now), why, evaluation.gates)
    return Stay(missing)


def _roll_back(
    state: RolloutState, plan: Plan, stage: Stage, evaluation: Evaluation, now: datetime
) -> Transition | None:
    if found := violated_rules(evaluation.rules, "at_once"):
        return Transition("turned off", partial(stages.turn_off_and_wait, now=now), _describe(found), found)
    run = require_run(state)
    if found := violated_rules(evaluation.rules, "step"):
        return _step_back(plan, run, _describe(found), found, now)
    if found := violated_rules(evaluation.rules, "character"):
        names = sorted({each.character for each in found if each.character})
        evaluated = {each.character for each in evaluation.rules if each.use == "character"}
        if set(names) == evaluated:
            # If all characters fail, the cause is not a character, and there are no others that could continue.
            return _step_back(plan, run, f"every character that gets Chirp: {_describe(found)}", found, now)
        until = now + plan.rules_of(stage).quarantine

        def verb(state: RolloutState) -> RolloutState:
            for name in names:
                state = changes.quarantine(state, name, until)
            return state

        return Transition("quarantined", verb, _describe(found), found)
    return None


def _step_back(plan: Plan, run: PlanRun, why: str, found: tuple[Verdict, ...], now: datetime) -> Transition:
    before = previous_stage(plan, run.stage)
    if before is None:
        return Transition("turned off", partial(stages.turn_off_and_wait, now=now), why, found)
    return Transition("stepped back", partial(stages.step_back, plan=plan, name=before.name, now=now), why, found)


def _missing(
    state: RolloutState, stage: Stage, evaluation: Evaluation, now: datetime, frozen: str | None
) -> Iterator[Missing]:
    """What is missing for a promotion; what people must do comes last."""
    run = require_run(state)
    if run.phase is Phase.DONE:
        yield Missing(WaitsFor.NOTHING, "the plan has ended; its roll-back rules still apply")
        return
    if run.phase is Phase.PAUSED:
        yield Missing(WaitsFor.RESUME, "paused: `rollout resume` continues")
    if run.phase is Phase.WAITING:
        yield Missing(WaitsFor.RESUME, f"waits for a person: `rollout resume` begins stage {run.stage} again")
    if run.phase is Phase.RUNNING and stage.enabled and state.is_off:
        says = "Chirp was turned off by hand: `rollout resume` turns it on again as the stage says"
        yield Missing(WaitsFor.RESUME, says)
    if evaluation.braked:
        says = f"a worker's hand brake is on (CHIRP3_ENABLED=false): {evaluation.braked:,} attempts by it lately"
        yield Missing(WaitsFor.BRAKE, says)
    time = time_served(run, now)
    if time < stage.at_least:
        yield Missing(WaitsFor.TIME, f"{elapsed_duration(time)} of {format_duration(stage.at_least)} served")
    else:
        yield from _missing_gates(evaluation)
    if frozen is not None:
        yield Missing(WaitsFor.FREEZE, frozen)
    yield from _missing_answers(run, stage)


def _missing_gates(evaluation: Evaluation) -> Iterator[Missing]:
    for each in evaluation.gates:
        if each.status is not Status.PASS and not each.dry_run:
            yield Missing(WaitsFor.GATE, f"{each.label}: {each.status}, {each.message}", each.label)


def _missing_answers(run: PlanRun, stage: Stage) -> Iterator[Missing]:
    answers = {each.name: each for each in run.approvals}
    for question in stage.approvals:
        given = answers.get(question.name)
        if given is None:
            says = f'not answered: {question.name}, "{question.question}" (`rollout approve {question.name}`)'
        elif not given.approved:
            says = f'{given.actor} says no: {question.name}, "{question.question}" {given.reason}'.rstrip()
        else:
            continue
        yield Missing(WaitsFor.APPROVAL, says, question.name)


def _describe(found: tuple[Verdict, ...]) -> str:
    """The first verdicts in words; the revision has the numbers of all."""
    sentences = [f"{each.label}: {each.message}" for each in found]
    more = f"; and {len(sentences) - _MOST_DESCRIBED} more" if len(sentences) > _MOST_DESCRIBED else ""
    return "; ".join(sentences[:_MOST_DESCRIBED]) + more
