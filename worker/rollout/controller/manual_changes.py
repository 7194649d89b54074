"""What people change while a plan runs: exposure by hand, which pauses the plan, and answers to its questions. Pure."""

from dataclasses import replace
from datetime import datetime

from schemas.enums import Phase
from schemas.errors import RefusedError
from schemas.revision import Approval
from worker.rollout.changes import turn_off
from worker.rollout.controller.plan_run import find_stage, require_run, stop_clock
from worker.rollout.plan.model import Plan
from worker.rollout.state import RolloutState


def pause_on_manual_change(before: RolloutState, after: RolloutState, now: datetime) -> RolloutState:
    """The state after a person's change. If the change contradicts the stage, the plan pauses, so as not to undo it.

    An exclusion doesn't pause the plan, as it holds in all stages, unless it turns Chirp off.
    """
    planned = (before.enabled, before.percentage, before.characters, before.fallback)
    if planned == (after.enabled, after.percentage, after.characters, after.fallback):
        return after
    return _pause(after, now)


def turn_off_and_pause(state: RolloutState, now: datetime) -> RolloutState:
    """Turns Chirp off and pauses a running plan, even if Chirp is off already: the plan must not turn it on."""
    return _pause(turn_off(state), now)


def answer(state: RolloutState, plan: Plan, approval: Approval) -> RolloutState:
    """Records a person's answer to a question of the stage. The last answer counts; repeating it changes nothing.

    Raises:
        RefusedError: no plan runs, its stage has no such question, or the answer would be lost: the plan has ended, or
            it waits for a person, and `resume` begins the stage again without answers.
    """
    run = require_run(state)
    if run.phase is Phase.WAITING:
        raise RefusedError(
            f"plan {run.plan} waits for a person: `rollout resume` begins stage {run.stage} again and takes answers"
        )
    if run.phase is Phase.DONE:
        raise RefusedError(f"plan {run.plan} has ended: it has no more questions")
    names = [each.name for each in find_stage(plan, run.stage).approvals]
    if approval.name not in names:
        raise RefusedError(f"{approval.name!r}: the questions of stage {run.stage} are {', '.join(names) or 'none'}")
    others = tuple(each for each in run.approvals if each.name != approval.name)
    earlier = next((each for each in run.approvals if each.name == approval.name), None)
    if earlier is not None and earlier.approved == approval.approved:
        return state
    return replace(state, run=run.model_copy(update={"approvals": (*others, approval)}))


def _pause(state: RolloutState, now: datetime) -> RolloutState:
    if state.run is None or state.run.phase is not Phase.RUNNING:
        return state
    return replace(state, run=stop_clock(state.run, Phase.PAUSED, now))
