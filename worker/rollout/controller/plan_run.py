"""The run of a plan: its current stage, the time served in it, and the stages around it. Pure."""

from datetime import datetime, timedelta

from schemas.enums import Phase
from schemas.errors import RefusedError
from schemas.revision import PlanRun
from worker.rollout.plan.model import Plan, Stage
from worker.rollout.state import RolloutState


def require_run(state: RolloutState) -> PlanRun:
    """The run of the plan.

    Raises:
        RefusedError: no plan runs.
    """
    if state.run is None:
        raise RefusedError("no plan runs; `chirp-worker rollout start PLAN` starts one")
    return state.run


def find_stage(plan: Plan, name: str) -> Stage:
    """A stage by its name.

    Raises:
        RefusedError: the plan has no such stage.
    """
    try:
        return plan.stage(name)
    except KeyError:
        names = ", ".join(stage.name for stage in plan.stages)
        raise RefusedError(f"stage {name!r}: plan {plan.name} has {names}") from None


def next_stage(plan: Plan, name: str) -> Stage | None:
    """The stage after a stage; None after the last."""
    number = plan.stage_index(name) + 1
    return plan.stages[number] if number < len(plan.stages) else None


def previous_stage(plan: Plan, name: str) -> Stage | None:
    """The stage before a stage; None before the first."""
    number = plan.stage_index(name)
    return plan.stages[number - 1] if number else None


def time_served(run: PlanRun, now: datetime) -> timedelta:
    """The time served in the stage. It stands still while the plan is paused, waits or has ended."""
    before = timedelta(seconds=run.served_s)
    return before if run.serving_since is None else before + max(timedelta(0), now - run.serving_since)


def begin_stage(state: RolloutState, name: str, phase: Phase, now: datetime) -> PlanRun:
    """The run at the beginning of a stage: no time served, no question answered.

    Raises:
        RefusedError: no plan runs.
    """
    return require_run(state).model_copy(
        update={
            "stage": name,
            "phase": phase,
            "since": now,
            "stage_revision": state.revision + 1,
            "served_s": 0.0,
            "serving_since": now if phase is Phase.RUNNING else None,
            "approvals": (),
        }
    )


def stop_clock(run: PlanRun, phase: Phase, now: datetime) -> PlanRun:
    """The run in another phase, with its served time standing still."""
    served_s = time_served(run, now).total_seconds()
    return run.model_copy(update={"phase": phase, "served_s": served_s, "serving_since": None})
