"""What the commands that change the rollout share: their options, the question before what widens, the change."""

import asyncio
import getpass
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated, Final

import typer
from pydantic import ValidationError

from schemas.errors import UsageError
from worker.cli import terminal
from worker.cli.views.rollout import change_document, change_rows, told, why_asked
from worker.config.settings import Settings, load_settings
from worker.lifecycle.clock import Clock
from worker.rollout.changes import Change, Verb
from worker.rollout.log.codec import Provenance
from worker.rollout.log.reader import RolloutLog, open_log
from worker.rollout.log.writer import RevisionWriter
from worker.rollout.plan.units import DAY, parse_duration
from worker.speech.catalogue import load_catalogue

_DECLINED: Final = 1

ActorOption = Annotated[str | None, typer.Option("--actor", help="Who changes it; default: your login name.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; stands in the history.")]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask where it widens exposure.")]
OnRevision = Annotated[int | None, typer.Option("--revision", min=0, help="Only if this is the current revision.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@dataclass(frozen=True)
class ChangeOptions:
    """The options that all verbs have."""

    actor: str | None
    reason: str
    yes: bool = False
    revision: int | None = None
    as_json: bool = False

    @property
    def provenance(self) -> Provenance:
        """Who changes it, and why.

        Raises:
            UsageError: nobody knows who.
        """
        return Provenance(self.actor or _login_name(), self.reason)


def change(settings: Settings, verb: Verb, asked: ChangeOptions) -> None:
    """Makes a change, once it is confirmed where it asks, and says what it changed.

    Raises:
        UsageError: actor or reason can't be written, or nobody is there to confirm it.
        SupersededError: somebody else made a revision first.
        RefusedError: the expected revision isn't there yet, or the plan's state doesn't allow the change.
    """
    names = load_catalogue(settings.worker.characters_file).names
    provenance = asked.provenance

    async def write() -> None:
        async with read_log(settings) as log:
            editor = RevisionWriter(log, settings.kafka, Clock())
            made = await editor.change(verb, provenance, partial(_confirm, names, yes=asked.yes), asked.revision)
            if asked.as_json:
                terminal.show_one(change_document(made, log.revisions.current, names), as_json=True)
            else:
                typer.echo(told(made, names))

    try:
        asyncio.run(write())
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = "QUESTION" if first["loc"][0] == "name" else f"--{first['loc'][0]}"
        raise UsageError(f"{where}: {first['msg']}") from None


def _confirm(catalogue: frozenset[str], change: Change, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            f"{why_asked(change)}, and nobody is there to confirm it: say --yes for {told(change, catalogue)}"
        )
    terminal.show(change_rows(change, catalogue), as_json=False, to_stderr=True)
    if not typer.confirm(f"{why_asked(change).capitalize()}. Do it?", err=True):
        tell("nothing changed")
        raise typer.Exit(_DECLINED)


@asynccontextmanager
async def read_log(settings: Settings) -> AsyncIterator[RolloutLog]:
    """The log, read to its end."""
    async with open_log(settings.kafka, Clock()) as log:
        await log.read_to_end()
        yield log


def rollout_settings() -> Settings:
    """The settings; says so if workers with the same ones don't follow the topic."""
    settings = load_settings()
    if settings.rollout.source != "topic":
        tell("ROLLOUT_SOURCE is env here: workers that have it so don't follow the rollout's topic")
    return settings


def check_known(settings: Settings, names: Collection[str], text: str) -> None:
    """Refuses characters that the catalogue doesn't have; `text` is what was given.

    Raises:
        UsageError: one is unknown.
    """
    catalogue = load_catalogue(settings.worker.characters_file).names
    if unknown := sorted(set(names) - catalogue):
        raise UsageError(f"{text!r}: {unknown[0]!r} is unknown; the characters are {', '.join(sorted(catalogue))}")


def day_of(text: str) -> timedelta:
    """How long a day lasts in a rehearsal.

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
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # In a container the user may have no name.
        raise UsageError("who are you? Say --actor NAME") from None


def tell(text: str) -> None:
    """Says something beside the answer."""
    sys.stderr.write(f"chirp-worker: {text}\n")
