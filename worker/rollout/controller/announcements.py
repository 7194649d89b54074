"""What a revision means for those who follow a rollout: one message a transition, and who is told. Pure."""

from dataclasses import dataclass

from schemas.revision import Revision
from schemas.words import Phase
from worker.rollout.controller.stages import next_stage
from worker.rollout.plan.model import Plan, Stage

_STILL = {
    Phase.PAUSED: "is paused in stage {stage}",
    Phase.WAITING: "waits for a person in stage {stage}",
    Phase.DONE: "has ended with stage {stage}",
}


@dataclass(frozen=True)
class Announcement:
    """A message, and the audiences that the stage names."""

    audiences: tuple[str, ...]
    text: str


def announcement_of(before: Revision | None, after: Revision, plan: Plan | None) -> Announcement | None:
    """The transition that a revision is; None where nothing that people are told of changes.

    Args:
        before: the revision that it changes.
        after: the revision.
        plan: of `after`, or where that has none of `before`; None where none runs, or it can't be read.
    """
    run, was = after.run, before.run if before else None
    if plan is None or (run is None and was is None):
        return None
    happened = _happened(before, after)
    if not happened:
        return None
    name = run.stage if run is not None else was.stage if was is not None else ""
    stage = plan.stage(name)
    words = [
        f"Rollout {plan.name}: {happened}. {_exposed(before, after)}",
        f"By {after.actor}: {after.reason or 'no reason given'}.",
    ]
    if run is not None and (next_step := _what_next(run.phase, plan, stage)):
        words.append(next_step)
    return Announcement(stage.tell, "\n".join(words))


def _happened(before: Revision | None, after: Revision) -> str:
    run, was = after.run, before.run if before else None
    told = []
    if run is None:
        return "stopped; people set it by hand"
    if was is None or was.text != run.text:
        told.append(f"starts with stage {run.stage}")
    elif was.stage_revision != run.stage_revision:
        told.append(f"stage {run.stage} begins" if was.stage != run.stage else f"stage {run.stage} begins again")
    if run.phase in _STILL and (was is None or was.phase != run.phase):
        told.append(_STILL[run.phase].format(stage=run.stage))
    elif was is not None and was.phase is Phase.PAUSED and run.phase is Phase.RUNNING:
        told.append(f"goes on in stage {run.stage}")
    if before is not None and before.enabled and not after.enabled:
        told.append("CHIRP IS OFF")
    new = set(after.quarantined) - set(before.quarantined if before else ())
    if new:
        told.append(f"quarantined: {', '.join(sorted(new))}")
    return ", ".join(told)


def _exposed(before: Revision | None, after: Revision) -> str:
    was, now = _exposure(before) if before else None, _exposure(after)
    return now if was in {None, now} else f"{now} Before: {was}"


def _exposure(of: Revision) -> str:
    if not of.enabled:
        return "Nobody hears Chirp."
    who = "all characters" if of.characters is None else ", ".join(of.characters)
    return f"{of.percentage / 100:g} % of users hear Chirp as {who}."


def _what_next(phase: Phase, plan: Plan, stage: Stage) -> str:
    if phase is Phase.WAITING:
        return f"`chirp-worker rollout resume` begins stage {stage.name} again, `rollout rollback` goes further back."
    if phase is Phase.PAUSED:
        return "`chirp-worker rollout resume` goes on."
    if phase is Phase.DONE:
        return ""
    following = next_stage(plan, stage.name)
    asked = ", ".join(f'{each.name} ("{each.question}")' for each in stage.approvals)
    then = f"Before {following.name if following else 'its end'}"
    return f"{then} somebody answers with `chirp-worker rollout approve`: {asked}." if asked else ""
