"""Announces transitions of a rollout: the message that a revision causes, and its audiences. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from schemas.announcement import AnnouncedState, Incident, RolloutAnnouncement, Severity
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
    """A message and its audiences, each once; `is_roll_back` if it reports a roll-back or that a person is needed."""

    audiences: tuple[str, ...]
    message: RolloutAnnouncement
    is_roll_back: bool


def announcement_for(before: Revision | None, after: Revision, plan: Plan | None, rollout: str) -> Announcement | None:
    """The announcement of the transition from one revision to the next; None if there is nothing to announce.

    Args:
        before: the revision that `after` changes; None for the first.
        plan: the plan of `after`, or of `before` if `after` has none; None if no plan runs or it can't be read.
        rollout: the topic of the log.
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
    next_step = _next_action(run.phase, plan, stage) if run else ""
    lines = [
        f"Rollout {plan.name}: {', '.join(events)}. {_exposure_change(before, after)}",
        f"By {after.actor}: {after.reason or 'no reason given'}.",
        *([next_step] if next_step else []),
    ]
    is_roll_back = _is_roll_back(before, after)
    if is_roll_back:
        left = _stage_left(plan, previous, current) or stage
        audiences = _roll_back_audiences(plan, left, stage)
    else:
        audiences = plan.audiences_of(stage)
    data = AnnouncedState(
        rollout=rollout,
        plan=plan.name,
        stage=stage.name,
        phase=run.phase if run else None,
        severity=_severity(before, after, is_roll_back=is_roll_back),
        incident=_incident(run, is_roll_back=is_roll_back),
        events=tuple(events),
        text="\n".join(lines),
        next_step=next_step,
        revision=after.revision,
        actor=after.actor,
        reason=after.reason,
        enabled=after.enabled,
        percentage=after.percentage / 100,
        percentage_before=before.percentage / 100 if before else None,
        characters=after.characters,
        quarantined=tuple(sorted(after.quarantined)),
        measured=after.measured,
    )
    message = RolloutAnnouncement(type="rollout.transition", timestamp=after.time, data=data)
    return Announcement(tuple(dict.fromkeys(audiences)), message, is_roll_back)


def example(rollout: str, actor: str, time: datetime, incident: Incident) -> RolloutAnnouncement:
    """A message that says that it is a test; its plan has a name that no plan can have."""
    words = "A test of the webhooks: nothing has changed."
    data = AnnouncedState(
        rollout=rollout,
        plan="a test",
        stage="none",
        phase=None,
        severity=Severity.INFO,
        incident=incident,
        events=("a test",),
        text=f"{words}\nBy {actor}: `chirp-worker rollout notify --test`.",
        revision=0,
        actor=actor,
        enabled=False,
        percentage=0,
    )
    return RolloutAnnouncement(type="rollout.test", timestamp=time, data=data)


def instead_of(message: RolloutAnnouncement, replaced: int) -> RolloutAnnouncement:
    """The message with a note that it replaces earlier ones, which couldn't be delivered."""
    if not replaced:
        return message
    note = f"({replaced} earlier message{'s' if replaced > 1 else ''} couldn't be delivered.)"
    data = message.data.model_copy(update={"replaced": replaced, "text": f"{message.data.text}\n{note}"})
    return message.model_copy(update={"data": data})


def _severity(before: Revision | None, after: Revision, *, is_roll_back: bool) -> Severity:
    if not is_roll_back and not _waits(after):
        return Severity.INFO
    if before is None:
        return Severity.WARNING
    stages = {revision.run.stage for revision in (before, after) if revision.run is not None}
    is_stage_back = _waits(after) and len(stages) > 1
    is_taken = (before.enabled and not after.enabled) or after.percentage < before.percentage
    return Severity.CRITICAL if is_taken or is_stage_back else Severity.WARNING


def _incident(run: PlanRun | None, *, is_roll_back: bool) -> Incident:
    if is_roll_back or (run is not None and run.phase is Phase.WAITING):
        return Incident.OPEN
    return Incident.ACKNOWLEDGED if run is not None and run.phase is Phase.PAUSED else Incident.CLOSED


def _waits(revision: Revision) -> bool:
    return revision.run is not None and revision.run.phase is Phase.WAITING


def _is_roll_back(before: Revision | None, after: Revision) -> bool:
    """Whether Chirp was taken from users, or the plan waits for a person from now on; people may have done it."""
    was_waiting = before is not None and _waits(before)
    return (_waits(after) and not was_waiting) or any(_exposure_events(before, after))


def _stage_left(plan: Plan, previous: PlanRun | None, current: PlanRun) -> Stage | None:
    if previous is None or previous.text != current.text:
        return None
    # Anybody who can write to the topic can have named a stage that the plan doesn't have.
    return next((stage for stage in plan.stages if stage.name == previous.stage), None)


def _roll_back_audiences(plan: Plan, left: Stage, entered: Stage) -> tuple[str, ...]:
    """Return the plan's own audiences, and those of both stages: who heard that users get Chirp hears the contrary.

    A plan may name none of them. Then all who heard of an earlier stage hear of the roll-back.
    """
    audiences = (*plan.tell, *left.tell, *entered.tell)
    if audiences:
        return audiences
    return tuple(name for stage in plan.stages[: plan.stage_index(left.name)] for name in stage.tell)


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
