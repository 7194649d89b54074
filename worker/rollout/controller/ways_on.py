"""The ways on for a person: what may be done with a plan that waits, is paused or has quarantined a character. Pure."""

from collections.abc import Iterator
from datetime import datetime

from schemas.enums import Phase
from schemas.revision import PlanRun
from worker.rollout.controller.plan_run import next_stage, previous_stage
from worker.rollout.plan.model import Plan, Stage
from worker.rollout.state import RolloutState


def ways_on(state: RolloutState, plan: Plan, now: datetime) -> tuple[str, ...]:
    """Each command that leads on, and what it leads to; empty while the plan goes on by itself and all characters too.

    Args:
        state: a plan must run.
        plan: of the run.
        now: with an offset.
    """
    return tuple(_ways(state, plan, now))


def _ways(state: RolloutState, plan: Plan, now: datetime) -> Iterator[str]:
    run = state.run
    if run is not None and run.phase in {Phase.WAITING, Phase.PAUSED}:
        yield from _ways_of_run(state, run, plan)
    for name in sorted(state.quarantined):
        if state.is_quarantined(name, now):
            yield f"`rollout include {name}` ends its quarantine"


def _ways_of_run(state: RolloutState, run: PlanRun, plan: Plan) -> Iterator[str]:
    stage, before, following = plan.stage(run.stage), previous_stage(plan, run.stage), next_stage(plan, run.stage)
    verb = "begins" if run.phase is Phase.WAITING else "continues"
    yield f"`rollout resume` {verb} stage {_describe(stage)}{' again' if run.phase is Phase.WAITING else ''}"
    if before is not None:
        yield f"`rollout rollback` goes back to stage {_describe(before)}, at most what users get now, and waits"
    elif not state.is_off:
        yield "`rollout rollback` turns Chirp off, and waits"
    if following is not None:
        yield f"`rollout promote` begins stage {_describe(following)}, whatever the gates say"
    if not state.is_off:
        yield "`rollout off` turns Chirp off"
    yield "`rollout stop` ends the plan; users keep what they get now"


def _describe(stage: Stage) -> str:
    return f"{stage.name} ({f'{stage.percentage / 100:g} %' if stage.enabled else 'Chirp off'})"
