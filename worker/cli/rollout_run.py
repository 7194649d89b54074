"""The commands that run a plan: start, answer, pause, resume, promote, roll back; and the controller itself."""

import asyncio
from collections.abc import Callable
from typing import Annotated

import typer

from schemas.revision import Approval
from worker.app.controller_app import run_controller
from worker.cli import plan as plan_cli
from worker.cli.rollout_change import (
    ActorOption,
    AsJson,
    ChangeOptions,
    OnRevision,
    ReasonOption,
    Yes,
    change,
    day_of,
    rollout_settings,
)
from worker.cli.simulate import simulate
from worker.config.settings import Settings, load_settings
from worker.lifecycle.clock import Clock
from worker.observability.logs import configure_logs
from worker.rollout.changes import Verb
from worker.rollout.controller import manual_changes, stages
from worker.rollout.controller.plan_run import previous_stage, require_run
from worker.rollout.plan.active import active_plan
from worker.rollout.plan.file import read_plan_file
from worker.rollout.plan.model import Plan
from worker.rollout.plan_check.check import usable_plan
from worker.rollout.state import RolloutState
from worker.speech.catalogue_file import load_catalogue

PlannedVerb = Callable[[RolloutState, Plan], RolloutState]
_Question = Annotated[str, typer.Argument(metavar="QUESTION", help="Its name; `rollout status` shows all.")]


def add_to(app: typer.Typer) -> None:
    """Adds these commands to `rollout`."""
    for command in (simulate, start, approve, reject, pause, resume, promote, rollback, stop, run):
        app.command()(command)
    app.add_typer(plan_cli.app, name="plan")


def start(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="A YAML file, or staging or production.")],
    stage: Annotated[str | None, typer.Option(help="Where to begin; default its first stage.")] = None,
    day: Annotated[str, typer.Option(help="A rehearsal: how long a day lasts, such as 60s.")] = "1d",
    actor: ActorOption = None,
    reason: ReasonOption = "",
    yes: Yes = False,
    revision: OnRevision = None,
    as_json: AsJson = False,
) -> None:
    """Start a plan: from now on the controller (`rollout run`) goes on and back by it."""
    settings = rollout_settings()
    name, text = read_plan_file(plan)
    day_lasts = day_of(day)
    rehearsed = usable_plan(text, name, load_catalogue(settings.worker.characters_file).names, day_lasts)

    def verb(state: RolloutState) -> RolloutState:
        return stages.start(state, rehearsed, Clock().now(), text=text, day_s=day_lasts.total_seconds(), stage=stage)

    change(settings, verb, ChangeOptions(actor, reason, yes, revision, as_json))


def approve(question: _Question, actor: ActorOption = None, reason: ReasonOption = "", as_json: AsJson = False) -> None:
    """Answer a question of the stage with yes."""
    _answer(question, ChangeOptions(actor, reason, as_json=as_json), approved=True)


def reject(question: _Question, actor: ActorOption = None, reason: ReasonOption = "", as_json: AsJson = False) -> None:
    """Answer a question of the stage with no: it isn't promoted until somebody says yes."""
    _answer(question, ChangeOptions(actor, reason, as_json=as_json), approved=False)


def _answer(question: str, asked: ChangeOptions, *, approved: bool) -> None:
    settings = rollout_settings()
    by = asked.provenance

    def answered(state: RolloutState, plan: Plan) -> RolloutState:
        given = Approval(name=question, approved=approved, actor=by.actor, time=Clock().now(), reason=by.reason)
        return manual_changes.answer(state, plan, given)

    change(settings, _planned(settings, answered), asked)


def pause(actor: ActorOption = None, reason: ReasonOption = "", as_json: AsJson = False) -> None:
    """Hold the plan where it is: its time stands still, nothing is promoted; roll-back rules go on."""
    change(
        rollout_settings(),
        lambda state: stages.pause(state, Clock().now()),
        ChangeOptions(actor, reason, as_json=as_json),
    )


def resume(
    actor: ActorOption = None,
    reason: ReasonOption = "",
    yes: Yes = False,
    revision: OnRevision = None,
    as_json: AsJson = False,
) -> None:
    """Go on: after a pause where it was, after a roll-back with the stage's beginning."""
    settings = rollout_settings()
    verb = _planned(settings, lambda state, plan: stages.resume(state, plan, Clock().now()))
    change(settings, verb, ChangeOptions(actor, reason, yes, revision, as_json))


def promote(
    actor: ActorOption = None,
    reason: ReasonOption = "",
    yes: Yes = False,
    revision: OnRevision = None,
    as_json: AsJson = False,
) -> None:
    """Go on to the next stage at once, whatever the gates say."""
    settings = rollout_settings()
    verb = _planned(settings, lambda state, plan: stages.promote(state, plan, Clock().now()))
    change(settings, verb, ChangeOptions(actor, reason, yes, revision, as_json))


def rollback(
    to: Annotated[str | None, typer.Option("--to", help="The stage; default the one before.")] = None,
    actor: ActorOption = None,
    reason: ReasonOption = "",
    as_json: AsJson = False,
) -> None:
    """Go back to a stage, at once and without asking, and wait for `resume`; before the first stage Chirp is off."""
    settings = rollout_settings()

    def back(state: RolloutState, plan: Plan) -> RolloutState:
        run, now = require_run(state), Clock().now()
        before = previous_stage(plan, run.stage)
        name = to or (before.name if before else None)
        return stages.turn_off_and_wait(state, now) if name is None else stages.step_back(state, plan, name, now)

    change(settings, _planned(settings, back), ChangeOptions(actor, reason, as_json=as_json))


def stop(actor: ActorOption = None, reason: ReasonOption = "", as_json: AsJson = False) -> None:
    """End the plan where it stands: who hears Chirp stays, and people set the rollout by hand."""
    change(rollout_settings(), stages.stop, ChangeOptions(actor, reason, as_json=as_json))


def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; the log says what it would do.")] = False,
) -> None:
    """Run the controller: it goes on and back by the plan. Of several one leads, the others are ready."""
    settings = load_settings()
    configure_logs(settings.worker.log_level)
    try:
        asyncio.run(run_controller(settings, dry_run=dry_run))
    except asyncio.CancelledError:
        raise typer.Exit(0) from None


def _planned(settings: Settings, verb: PlannedVerb) -> Verb:
    catalogue = load_catalogue(settings.worker.characters_file).names

    def planned(state: RolloutState) -> RolloutState:
        return verb(state, active_plan(require_run(state), catalogue))

    return planned
