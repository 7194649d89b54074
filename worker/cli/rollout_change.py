"""What the commands that change the rollout share: their options, the confirmation of a wider exposure, the change."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated

import typer
from pydantic import ValidationError

from schemas.errors import UsageError
from worker.cli import terminal
from worker.cli.exit_codes import ExitCode
from worker.cli.login import login_name
from worker.cli.option_groups import Without
from worker.cli.options import AsJson
from worker.cli.views.rollout import change_document, change_rows, confirmation_reason, describe_change
from worker.config.settings import Settings, load_settings
from worker.lifecycle.clock import Clock
from worker.rollout.changes import Change, Verb
from worker.rollout.controller.verbs import PeoplesVerbs
from worker.rollout.log.codec import Provenance
from worker.rollout.log.reader import RolloutLog, open_log
from worker.rollout.log.writer import ConfirmChange, RevisionWriter
from worker.rollout.plan.units import DAY, parse_duration
from worker.speech.catalogue_file import load_catalogue


@dataclass(frozen=True)
class ChangeOptions:
    """The options of every command that changes the rollout."""

    actor: Annotated[str | None, typer.Option("--actor", help="Who makes the change; default: your login name.")] = None
    reason: Annotated[str, typer.Option("--reason", help="Why; recorded in the history.")] = ""
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask where the change widens exposure.")] = False
    revision: Annotated[int | None, typer.Option("--revision", min=0, help="Only if this is the current revision.")] = (
        None
    )
    as_json: AsJson = False

    @property
    def provenance(self) -> Provenance:
        """Who makes the change, and why.

        Raises:
            UsageError: no actor is given, and the user has no login name.
        """
        return Provenance(self.actor or _login_name(), self.reason)


MakeChange = Callable[[RevisionWriter, ConfirmChange], Awaitable[Change]]
"""Makes a change by a writer; calls back with one that needs confirmation."""

UnconfirmedChangeOptions = Annotated[ChangeOptions, Without("yes", "revision")]
"""The options of a command that never widens exposure: it asks nothing, and applies to any revision."""


def change_rollout(settings: Settings, verb: Verb, options: ChangeOptions) -> None:
    """Makes a change and prints it; a change that needs confirmation is confirmed first.

    Raises:
        UsageError: actor or reason can't be written, or nobody is there to confirm the change.
        SupersededError: somebody else made a revision first.
        RefusedError: the expected revision isn't there yet, or the plan's state doesn't allow the change.
    """
    provenance = options.provenance
    make_revision(settings, lambda writer, confirm: writer.change(verb, provenance, confirm, options.revision), options)


def make_revision(settings: Settings, make: MakeChange, options: ChangeOptions) -> None:
    """Prints the change that `make` makes.

    Raises:
        UsageError: actor or reason can't be written, or nobody is there to confirm the change.
        SupersededError: somebody else made a revision first.
    """
    names = load_catalogue(settings.worker.characters_file).names

    async def write() -> None:
        async with read_log(settings) as log:
            confirm = partial(_confirm, names, yes=options.yes)
            change = await make(RevisionWriter(log, settings.kafka, Clock()), confirm)
            if options.as_json:
                terminal.show_one(change_document(change, log.revisions.current, names), as_json=True)
            else:
                terminal.say(describe_change(change, names))

    try:
        asyncio.run(write())
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = "QUESTION" if first["loc"][0] == "name" else f"--{first['loc'][0]}"
        raise UsageError(f"{where}: {first['msg']}") from None


def _confirm(catalogue: frozenset[str], change: Change, *, yes: bool) -> None:
    if yes:
        return
    reason = confirmation_reason(change)
    if not sys.stdin.isatty():
        raise UsageError(
            f"{reason}, and nobody is there to confirm it: add --yes for {describe_change(change, catalogue)}"
        )
    terminal.show(change_rows(change, catalogue), as_json=False, to_stderr=True)
    if not typer.confirm(f"{reason.capitalize()}. Do it?", err=True):
        terminal.note("nothing changed")
        raise typer.Exit(ExitCode.FAILED)


@asynccontextmanager
async def read_log(settings: Settings) -> AsyncIterator[RolloutLog]:
    """The rollout's log, read to its end."""
    async with open_log(settings.kafka, Clock()) as log:
        await log.read_to_end()
        yield log


def rollout_settings() -> Settings:
    """The settings; notes on standard error if workers with the same settings don't follow the topic."""
    settings = load_settings()
    if settings.rollout.source != "topic":
        terminal.note("ROLLOUT_SOURCE is env here: workers with this setting don't follow the rollout's topic")
    return settings


def verbs(settings: Settings) -> PeoplesVerbs:
    """The verbs, for the characters of the catalogue."""
    return PeoplesVerbs(load_catalogue(settings.worker.characters_file).names, Clock().now)


def parse_day(text: str) -> timedelta:
    """The length of a plan's day in a rehearsal: the value of `--day`.

    Raises:
        UsageError: it is no duration of at most a day.
    """
    try:
        lasts = parse_duration(text)
    except ValueError:
        lasts = timedelta(0)
    if not timedelta(0) < lasts <= DAY:
        raise UsageError(f"--day {text!r}: allowed is a duration of at most a day, such as 60s, 10m or 1d")
    return lasts


def _login_name() -> str:
    if not (name := login_name()):
        raise UsageError("your login name is unknown; add --actor NAME")
    return name
