"""The commands that run a plan: start, answer, pause, resume, promote, roll back, stop; and the controller itself."""

import asyncio
from typing import Annotated

import typer

from worker.app.controller_app import run_controller
from worker.cli import terminal
from worker.cli.exit_codes import ExitCode
from worker.cli.option_groups import grouped_options
from worker.cli.options import Day, PlanName
from worker.cli.rollout_change import (
    ChangeOptions,
    UnconfirmedChangeOptions,
    change_rollout,
    parse_day,
    rollout_settings,
    verbs,
)
from worker.cli.views.status import vote_rows
from worker.config.settings import Settings, load_settings
from worker.lifecycle.clock import Clock
from worker.observability.logs import configure_logs
from worker.rollout.controller import stages
from worker.rollout.controller.status import last_status
from worker.rollout.plan.file import read_plan_file
from worker.rollout.plan.model import VOICE_QUALITY
from worker.rollout.plan_check.check import usable_plan
from worker.rollout.state import RolloutState
from worker.speech.catalogue_file import load_catalogue

Question = Annotated[str, typer.Argument(metavar="QUESTION", help="Its name; `rollout status` shows all.")]


@grouped_options
def start(
    plan: PlanName,
    *,
    stage: Annotated[str | None, typer.Option(help="The stage to begin with; default its first.")] = None,
    day: Day = "1d",
    options: ChangeOptions,
) -> None:
    """Start a plan: from now on the controller (`rollout run`) promotes and rolls back by it."""
    settings = rollout_settings()
    name, text = read_plan_file(plan)
    day_lasts = parse_day(day)
    rehearsed = usable_plan(text, name, load_catalogue(settings.worker.characters_file).names, day_lasts)

    def verb(state: RolloutState) -> RolloutState:
        return stages.start(state, rehearsed, Clock().now(), text=text, day_s=day_lasts.total_seconds(), stage=stage)

    change_rollout(settings, verb, options)


@grouped_options
def approve(question: Question, options: UnconfirmedChangeOptions) -> None:
    """Answer a question of the stage with yes."""
    _answer(question, options, approved=True)


@grouped_options
def reject(question: Question, options: UnconfirmedChangeOptions) -> None:
    """Answer a question of the stage with no: the stage isn't promoted until somebody says yes."""
    _answer(question, options, approved=False)


def _answer(question: str, options: ChangeOptions, *, approved: bool) -> None:
    settings = rollout_settings()
    if question == VOICE_QUALITY and not options.as_json:
        _show_votes(settings)
    change_rollout(settings, verbs(settings).answer(question, options.provenance, approved=approved), options)


def _show_votes(settings: Settings) -> None:
    """Show what listeners' votes say of each character, beside the question about the voices; nothing without votes."""
    judged = asyncio.run(last_status(settings.kafka))
    rows = vote_rows(judged.judged) if judged is not None else []
    if rows:
        terminal.note("listeners' votes on blind pairs, as the controller last counted them")
        terminal.show(rows, as_json=False, to_stderr=True)


@grouped_options
def pause(options: UnconfirmedChangeOptions) -> None:
    """Hold the plan in its stage: its time stops, nothing is promoted; roll-back rules still apply."""
    settings = rollout_settings()
    change_rollout(settings, verbs(settings).pause(), options)


@grouped_options
def resume(options: ChangeOptions) -> None:
    """Go on: after a pause where the plan was, after a roll-back at the stage's beginning."""
    settings = rollout_settings()
    change_rollout(settings, verbs(settings).resume(), options)


@grouped_options
def promote(options: ChangeOptions) -> None:
    """Go on to the next stage at once, whatever the gates say."""
    settings = rollout_settings()
    change_rollout(settings, verbs(settings).promote(), options)


@grouped_options
def rollback(
    *,
    to: Annotated[str | None, typer.Option("--to", help="The stage; default the one before.")] = None,
    options: UnconfirmedChangeOptions,
) -> None:
    """Go back to a stage, at once and without confirmation, and wait for `resume`; before the first Chirp is off."""
    settings = rollout_settings()
    change_rollout(settings, verbs(settings).step_back(to), options)


@grouped_options
def stop(options: UnconfirmedChangeOptions) -> None:
    """End the plan where it is: the exposure stays, and people set the rollout by hand."""
    change_rollout(rollout_settings(), stages.stop, options)


def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; log what would change.")] = False,
) -> None:
    """Run the controller: it promotes and rolls back by the plan. One of several leads, the others stand by."""
    settings = load_settings()
    configure_logs(settings.worker.log_level)
    try:
        asyncio.run(run_controller(settings, dry_run=dry_run))
    except asyncio.CancelledError:
        raise typer.Exit(ExitCode.DONE) from None
