"""Announces transitions of a rollout: the message that a revision causes, and its audiences. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.enums import Phase
from schemas.revision import PlanRun, Revision
from worker.rollout.controller.plan_run import next_stage
from worker.rollout.plan.model import Plan, Stage

_PHASES = {
    Phase.PAUSED: "is paused in stage {stage}",
    Phase.WAITING: "waits for a person in stage {stage}",
    Phase.DONE: "has ended with stage {stage}",
}


@dataclass(frozen=True)
class Announcement:
    """A message, and the audiences that the plan's stage names for it."""

    audiences: tuple[str, ...]
    text: str


def announcement_for(before: Revision | None, after: Revision, plan: Plan | None) -> Announcement | None:
    """The announcement of the transition from one revision to the next; None if there is nothing to announce.

    Args:
        before: the revision that `after` changes; None for the first.
        plan: the plan of `after`, or of `before` if `after` has none; None if no plan runs or it can't be read.
    """
    run, previous = after.run, before.run if before else None
    current = run or previous
    if plan is None or current is None:
        return None
    events = (
        [*_run_events(previous, run), *_exposure_events(before, after)] if run else ["stopped; people set it by hand"]
    )
    if not events:
        return None
    stage = plan.stage(current.stage)
    lines = [
        f"Rollout {plan.name}: {', '.join(events)}. {_exposure_change(before, after)}",
        f"By {after.actor}: {after.reason or 'no reason given'}.",
    ]
    if run is not None and (action := _next_action(run.phase, plan, stage)):
        lines.append(action)
    return Announcement(stage.tell, "\n".join(lines))


def _run_events(previous: PlanRun | None, run: PlanRun) -> Iterator[str]:
    yield from _stage_events(previous, run)
    if run.phase in _PHASES and (previous is None or previous.phase != run.phase):
        yield _PHASES[run.phase].format(stage=run.stage)
    elif previous is not None and previous.phase is Phase.PAUSED and run.phase is Phase.RUNNING:
        yield f"goes on in stage {run.stage}"


def _stage_events(previous: PlanRun | None, run: PlanRun) -> Iterator[str]:
    if previous is None or previous.text != run.text:
        yield f"starts with stage {run.stage}"
    elif previous.stage_revision != run.stage_revision:
        yield f"stage {run.stage} begins" if previous.stage != run.stage else f"stage {run.stage} begins again"


def _exposure_events(before: Revision | None, after: Revision) -> Iterator[str]:
    if before is not None and before.enabled and not after.enabled:
        yield "CHIRP IS OFF"
    quarantined = set(after.quarantined) - set(before.quarantined if before else ())
    if quarantined:
        yield f"quarantined: {', '.join(sorted(quarantined))}"


def _exposure_change(before: Revision | None, after: Revision) -> str:
    previous, current = _exposure(before) if before else None, _exposure(after)
    return current if previous in {None, current} else f"{current} Before: {previous}"


def _exposure(revision: Revision) -> str:
    if not revision.enabled:
        return "No user gets Chirp."
    characters = "all characters" if revision.characters is None else ", ".join(revision.characters)
    return f"{revision.percentage / 100:g} % of users get Chirp for {characters}."


def _next_action(phase: Phase, plan: Plan, stage: Stage) -> str:
    """What a person can or must do next; empty if there is nothing to do."""
    if phase is Phase.WAITING:
        return f"`chirp-worker rollout resume` begins stage {stage.name} again, `rollout rollback` goes further back."
    if phase is Phase.PAUSED:
        return "`chirp-worker rollout resume` continues."
    if phase is Phase.DONE:
        return ""
    following = next_stage(plan, stage.name)
    questions = ", ".join(f'{each.name} ("{each.question}")' for each in stage.approvals)
    before = f"Before {following.name if following else 'its end'}"
    return f"{before} somebody answers with `chirp-worker rollout approve`: {questions}." if questions else ""
