"""A plan's steps on the rollout state: start, enter, back, pause, resume, answer. Pure; no way back widens."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from schemas.errors import RefusedError
from schemas.revision import Approval, PlanRun
from schemas.words import Phase
from worker.rollout.changes import turn_off
from worker.rollout.plan.model import Plan, Stage
from worker.rollout.state import RolloutState


def run_of(state: RolloutState) -> PlanRun:
    """The plan that runs.

    Raises:
        RefusedError: none does.
    """
    if state.run is None:
        raise RefusedError("no plan runs; `chirp-worker rollout start PLAN` starts one")
    return state.run


def served(run: PlanRun, now: datetime) -> timedelta:
    """The time served in the stage; it stands still while the plan is paused or waits."""
    before = timedelta(seconds=run.served_s)
    return before if run.serving_since is None else before + max(timedelta(0), now - run.serving_since)


def start(
    state: RolloutState, plan: Plan, now: datetime, *, text: str, day_s: float, stage: str | None = None
) -> RolloutState:
    """Begins a plan; exclusions, quarantines and the salt stay.

    Args:
        state: as it is.
        plan: what the text says, as rehearsed.
        now: the time.
        text: the plan's file.
        day_s: how long a day lasts in it, in seconds.
        stage: where to begin; its first stage by default.

    Raises:
        RefusedError: another plan runs, or the plan has no such stage.
    """
    if state.run is not None and state.run.phase in {Phase.RUNNING, Phase.PAUSED}:
        raise RefusedError(
            f"plan {state.run.plan} is {state.run.phase} in stage {state.run.stage}; "
            "`rollout stop` ends it where it stands and makes room for another"
        )
    begun = stage_of(plan, stage or plan.stages[0].name)
    run = PlanRun(
        plan=plan.name, text=text, day_s=day_s, stage=begun.name, phase=Phase.RUNNING, since=now,
        stage_revision=state.revision + 1, serving_since=now,
    )  # fmt: skip
    return _as_planned(replace(state, run=run), begun)


def stop(state: RolloutState) -> RolloutState:
    """Ends a plan where it stands: who hears Chirp stays, and people set the rollout by hand.

    Raises:
        RefusedError: no plan runs.
    """
    run_of(state)
    return replace(state, run=None)


def stage_of(plan: Plan, name: str) -> Stage:
    """A stage by its name.

    Raises:
        RefusedError: the plan has none.
    """
    try:
        return plan.stage(name)
    except KeyError:
        names = ", ".join(stage.name for stage in plan.stages)
        raise RefusedError(f"stage {name!r}: plan {plan.name} has {names}") from None


def enter(state: RolloutState, plan: Plan, name: str, now: datetime) -> RolloutState:
    """Begins a stage, with all that the plan says of it.

    Raises:
        RefusedError: the plan has no such stage, or doesn't run.
    """
    stage = stage_of(plan, name)
    return _as_planned(replace(state, run=_begun(state, name, Phase.RUNNING, now)), stage)


def next_stage(plan: Plan, name: str) -> Stage | None:
    """The stage after one; None after the last."""
    number = plan.number(name) + 1
    return plan.stages[number] if number < len(plan.stages) else None


def stage_before(plan: Plan, name: str) -> Stage | None:
    """The stage before one; None before the first."""
    number = plan.number(name)
    return plan.stages[number - 1] if number else None


def promote(state: RolloutState, plan: Plan, now: datetime) -> RolloutState:
    """On to the next stage, or after the last to the plan's end, by a person or by the controller.

    Raises:
        RefusedError: no plan runs, or it has ended.
    """
    run = run_of(state)
    following = next_stage(plan, run.stage)
    if following is not None:
        return enter(state, plan, following.name, now)
    if run.phase is Phase.DONE:
        raise RefusedError(f"plan {run.plan} has ended: there is no stage after {run.stage}")
    return replace(state, run=_still(run, Phase.DONE, now))


def back_to(state: RolloutState, plan: Plan, name: str, now: datetime) -> RolloutState:
    """Back to a stage, and a person is waited for.

    Nobody hears Chirp who doesn't now: of what is and what the stage says the lesser counts. The percentage of an
    earlier stage may be higher, for fewer characters.

    Raises:
        RefusedError: no plan runs, it has no such stage, or the stage is a later one.
    """
    run = run_of(state)
    stage = stage_of(plan, name)
    if plan.number(name) > plan.number(run.stage):
        raise RefusedError(f"stage {name} comes after {run.stage}; `rollout promote` goes on, stage by stage")
    characters = _common(state.characters, stage.characters)
    return replace(
        state,
        enabled=state.enabled and stage.enabled and characters != frozenset(),
        percentage=min(state.percentage, stage.percentage),
        characters=state.characters if characters == frozenset() else characters,
        fallback=state.fallback or stage.fallback,
        run=_begun(state, name, Phase.WAITING, now),
    )


def turn_off_and_wait(state: RolloutState, now: datetime) -> RolloutState:
    """Nobody hears Chirp, and a person is waited for; the stage stays, for when it is resumed."""
    return wait(turn_off(state), now)


def wait(state: RolloutState, now: datetime) -> RolloutState:
    """Who hears Chirp stays, and a person is waited for."""
    return replace(state, run=_still(run_of(state), Phase.WAITING, now))


def pause(state: RolloutState, now: datetime) -> RolloutState:
    """The stage's time stands still and nothing is promoted; roll-back rules go on.

    Raises:
        RefusedError: no plan runs, or it waits or has ended, which is more.
    """
    run = run_of(state)
    if run.phase in {Phase.WAITING, Phase.DONE}:
        raise RefusedError(f"plan {run.plan} is {run.phase}: nothing is promoted anyway")
    return replace(state, run=_still(run, Phase.PAUSED, now))


def resume(state: RolloutState, plan: Plan, now: datetime) -> RolloutState:
    """Goes on: a paused stage with the time that it has served, one that waited from its beginning.

    Who hears Chirp is again as the stage says: what was changed by hand meanwhile is undone.

    Raises:
        RefusedError: no plan runs, or it has ended.
    """
    run = run_of(state)
    if run.phase is Phase.DONE:
        raise RefusedError(f"plan {run.plan} has ended; `rollout start` starts one")
    stage = stage_of(plan, run.stage)
    if run.phase is Phase.WAITING:
        return enter(state, plan, run.stage, now)
    if run.phase is Phase.PAUSED:
        run = run.model_copy(update={"phase": Phase.RUNNING, "serving_since": now})
    return _as_planned(replace(state, run=run), stage)


def answer(state: RolloutState, plan: Plan, approval: Approval) -> RolloutState:
    """A person's answer to a question of the stage; the last one counts, the same once more changes nothing.

    Raises:
        RefusedError: no plan runs, its stage asks no such question, or the answer would be forgotten: the plan
            has ended, or waits for a person, and a stage that is begun again asks again.
    """
    run = run_of(state)
    if run.phase is Phase.WAITING:
        raise RefusedError(
            f"plan {run.plan} waits for a person: `rollout resume` begins stage {run.stage} again, then it asks again"
        )
    if run.phase is Phase.DONE:
        raise RefusedError(f"plan {run.plan} has ended: it asks nothing any more")
    names = [each.name for each in stage_of(plan, run.stage).approvals]
    if approval.name not in names:
        asked = ", ".join(names) or "nothing"
        raise RefusedError(f"{approval.name!r}: stage {run.stage} asks {asked}")
    others = tuple(each for each in run.approvals if each.name != approval.name)
    earlier = next((each for each in run.approvals if each.name == approval.name), None)
    if earlier is not None and earlier.approved == approval.approved:
        return state
    return replace(state, run=run.model_copy(update={"approvals": (*others, approval)}))


def by_hand(before: RolloutState, after: RolloutState, now: datetime) -> RolloutState:
    """What a person made of who hears Chirp; a plan that runs is paused by it, so that it doesn't undo it.

    An exclusion doesn't pause it, for it stays in all stages, unless it turns Chirp off.
    """
    kept = (before.enabled, before.percentage, before.characters, before.fallback)
    if kept == (after.enabled, after.percentage, after.characters, after.fallback):
        return after
    return _paused(after, now)


def turn_off_by_hand(state: RolloutState, now: datetime) -> RolloutState:
    """Nobody hears Chirp; a plan that runs is paused, also where Chirp is off already: it must not turn it on."""
    return _paused(turn_off(state), now)


def hearing(state: RolloutState, catalogue: Collection[str], now: datetime) -> frozenset[str]:
    """The characters that some user hears speak with Chirp by the rollout now."""
    if state.is_off or not state.percentage:
        return frozenset()
    listed = frozenset(catalogue) if state.characters is None else state.characters
    return frozenset(name for name in listed - state.excluded if not state.is_quarantined(name, now))


def _begun(state: RolloutState, name: str, phase: Phase, now: datetime) -> PlanRun:
    serving = now if phase is Phase.RUNNING else None
    return run_of(state).model_copy(
        update={
            "stage": name,
            "phase": phase,
            "since": now,
            "stage_revision": state.revision + 1,
            "served_s": 0.0,
            "serving_since": serving,
            "approvals": (),
        }
    )


def _paused(state: RolloutState, now: datetime) -> RolloutState:
    if state.run is None or state.run.phase is not Phase.RUNNING:
        return state
    return replace(state, run=_still(state.run, Phase.PAUSED, now))


def _still(run: PlanRun, phase: Phase, now: datetime) -> PlanRun:
    return run.model_copy(update={"phase": phase, "served_s": served(run, now).total_seconds(), "serving_since": None})


def _as_planned(state: RolloutState, stage: Stage) -> RolloutState:
    return replace(
        state,
        enabled=stage.enabled,
        percentage=stage.percentage,
        characters=stage.characters,
        fallback=stage.fallback,
    )


def _common(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other
