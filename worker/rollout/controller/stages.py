"""Moves a rollout through the stages of its plan: start, promote, step back, pause, resume, stop. Pure.

Each function makes a state from a state. No roll-back widens exposure.
"""

from dataclasses import replace
from datetime import datetime

from schemas.enums import Phase
from schemas.errors import RefusedError
from schemas.revision import PlanRun
from worker.rollout.changes import turn_off
from worker.rollout.controller.plan_run import begin_stage, find_stage, next_stage, require_run, stop_clock
from worker.rollout.plan.model import Plan, Stage
from worker.rollout.state import RolloutState


def start(
    state: RolloutState, plan: Plan, now: datetime, *, text: str, day_s: float, stage: str | None = None
) -> RolloutState:
    """Starts a plan. Exclusions, quarantines and the salt stay.

    Args:
        plan: read from `text`, with shortened days if this is a rehearsal.
        text: the plan's file.
        day_s: the length of the plan's day in seconds.
        stage: the stage to start with; by default the first one.

    Raises:
        RefusedError: another plan runs, or the plan has no such stage.
    """
    if state.run is not None and state.run.phase in {Phase.RUNNING, Phase.PAUSED}:
        raise RefusedError(
            f"plan {state.run.plan} is {state.run.phase} in stage {state.run.stage}; "
            "`rollout stop` ends it, then another one can start"
        )
    first = find_stage(plan, stage or plan.stages[0].name)
    run = PlanRun(
        plan=plan.name, text=text, day_s=day_s, stage=first.name, phase=Phase.RUNNING, since=now,
        stage_revision=state.revision + 1, serving_since=now,
    )  # fmt: skip
    return _apply_stage(replace(state, run=run), first)


def stop(state: RolloutState) -> RolloutState:
    """Ends the plan where it stands: exposure stays as it is, and people set the rollout from now on.

    Raises:
        RefusedError: no plan runs.
    """
    require_run(state)
    return replace(state, run=None)


def enter(state: RolloutState, plan: Plan, name: str, now: datetime) -> RolloutState:
    """Begins a stage with the exposure that the plan gives it.

    Raises:
        RefusedError: the plan has no such stage, or doesn't run.
    """
    stage = find_stage(plan, name)
    return _apply_stage(replace(state, run=begin_stage(state, name, Phase.RUNNING, now)), stage)


def promote(state: RolloutState, plan: Plan, now: datetime) -> RolloutState:
    """Moves on to the next stage; after the last stage the plan ends. Used by people and by the controller.

    Raises:
        RefusedError: no plan runs, or it has ended.
    """
    run = require_run(state)
    following = next_stage(plan, run.stage)
    if following is not None:
        return enter(state, plan, following.name, now)
    if run.phase is Phase.DONE:
        raise RefusedError(f"plan {run.plan} has ended: there is no stage after {run.stage}")
    return replace(state, run=stop_clock(run, Phase.DONE, now))


def step_back(state: RolloutState, plan: Plan, name: str, now: datetime) -> RolloutState:
    """Rolls back to a stage and waits for a person.

    No user gets Chirp who doesn't get it now: of each value, the lesser of the present state's and the stage's is used.
    An earlier stage may have a higher percentage, for fewer characters.

    Raises:
        RefusedError: no plan runs, it has no such stage, or the stage is a later one.
    """
    run = require_run(state)
    stage = find_stage(plan, name)
    if plan.stage_index(name) > plan.stage_index(run.stage):
        raise RefusedError(f"stage {name} comes after {run.stage}; `rollout promote` moves on, one stage at a time")
    characters = _intersection(state.characters, stage.characters)
    return replace(
        state,
        enabled=state.enabled and stage.enabled and characters != frozenset(),
        percentage=min(state.percentage, stage.percentage),
        characters=state.characters if characters == frozenset() else characters,
        fallback=state.fallback or stage.fallback,
        run=begin_stage(state, name, Phase.WAITING, now),
    )


def turn_off_and_wait(state: RolloutState, now: datetime) -> RolloutState:
    """Turns Chirp off and waits for a person. The stage stays, for `resume`."""
    return wait(turn_off(state), now)


def wait(state: RolloutState, now: datetime) -> RolloutState:
    """Waits for a person. Exposure stays as it is."""
    return replace(state, run=stop_clock(require_run(state), Phase.WAITING, now))


def pause(state: RolloutState, now: datetime) -> RolloutState:
    """Stops the stage's clock and promotions; roll-back rules still apply.

    Raises:
        RefusedError: no plan runs, or nothing is promoted anyway: it waits for a person or has ended.
    """
    run = require_run(state)
    if run.phase in {Phase.WAITING, Phase.DONE}:
        raise RefusedError(f"plan {run.plan} is {run.phase}: nothing is promoted anyway")
    return replace(state, run=stop_clock(run, Phase.PAUSED, now))


def resume(state: RolloutState, plan: Plan, now: datetime) -> RolloutState:
    """Resumes a plan: a paused stage keeps its served time, a stage that waited for a person begins again.

    Exposure is set to the stage's again, which undoes manual changes.

    Raises:
        RefusedError: no plan runs, or it has ended.
    """
    run = require_run(state)
    if run.phase is Phase.DONE:
        raise RefusedError(f"plan {run.plan} has ended; `rollout start` starts one")
    stage = find_stage(plan, run.stage)
    if run.phase is Phase.WAITING:
        return enter(state, plan, run.stage, now)
    if run.phase is Phase.PAUSED:
        run = run.model_copy(update={"phase": Phase.RUNNING, "serving_since": now})
    return _apply_stage(replace(state, run=run), stage)


def _apply_stage(state: RolloutState, stage: Stage) -> RolloutState:
    return replace(
        state,
        enabled=stage.enabled,
        percentage=stage.percentage,
        characters=stage.characters,
        fallback=stage.fallback,
    )


def _intersection(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other
