"""The commands about the rollout in `tts.rollout`: read it, explain it, change it by hand."""

import asyncio
import getpass
import sys
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import typer
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from worker import asking, console, rollout_rows
from worker.app import catalogue_of
from worker.clock import Clock
from worker.rollout import changes
from worker.rollout.changes import ALL, Change, Verb
from worker.rollout.channel import RolloutLog, open_log
from worker.rollout.records import current_state
from worker.rollout.writing import Author, Editor, NoSuchRevision, Overtaken
from worker.settings import Settings, hundredths, load_settings


class RolloutRefused(Exception):
    """What was asked for is not done; the message says what to ask instead."""


# What main ends in one line: asked for wrongly, or failed.
MISUSES = (RolloutRefused, NoSuchRevision)
FAILURES = (Overtaken,)
_DECLINED = 1
_LAST_CHANGES = 5
_EVERY_S = 1.0

app = typer.Typer(
    no_args_is_help=True,
    help="The rollout that workers with ROLLOUT_SOURCE=topic follow: what it is, why, and changes by hand.",
)

ActorOption = Annotated[str | None, typer.Option("--actor", help="Who changes it; default: your login name.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; stands in the history.")]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask where it widens exposure.")]
OnRevision = Annotated[int | None, typer.Option("--revision", min=0, help="Only if this is the current revision.")]
OneCharacter = Annotated[str, typer.Argument(metavar="CHARACTER")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@dataclass(frozen=True)
class _Asked:
    """The options that all verbs have."""

    actor: str | None
    reason: str
    yes: bool = False
    revision: int | None = None
    as_json: bool = False


@app.command()
def status(
    watch: Annotated[bool, typer.Option("--watch", help="Show it live; Ctrl-C ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """Who hears Chirp now, and the last changes; with --watch --json a document at each change."""
    settings = _settings()
    show = partial(_show_status, catalogue_of(settings).names, as_json=as_json)
    asyncio.run(_watch(settings, show, as_json=as_json) if watch else _once(settings, show))


def _show_status(catalogue: frozenset[str], log: RolloutLog, *, as_json: bool) -> None:
    now = Clock().now()
    if as_json:
        document = rollout_rows.status_document(log.fold, catalogue, now, _LAST_CHANGES)
        console.show_one(document, as_json=True)
        return
    console.show_one(rollout_rows.status_row(log.fold, catalogue, now), as_json=False)
    if log.fold.taken:
        typer.echo("")
        console.show(rollout_rows.history_rows(log.fold.taken[-_LAST_CHANGES:]), as_json=False)


async def _once(settings: Settings, show: Callable[[RolloutLog], None]) -> None:
    async with _read(settings) as log:
        show(log)


async def _watch(settings: Settings, show: Callable[[RolloutLog], None], *, as_json: bool) -> None:
    live = sys.stdout.isatty() and not as_json
    shown: int | None = None
    while True:
        try:
            async with _read(settings) as log:
                while True:
                    if live:
                        console.clear()
                    if live or log.fold.revision != shown:
                        show(log)
                        shown = log.fold.revision
                    await log.more(_EVERY_S)
        except KafkaError as error:
            _tell(f"Kafka: {type(error).__name__}: {error}; trying again, what is shown may be old")
            await asyncio.sleep(_EVERY_S)


@app.command()
def history(
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the last ones.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Who changed the rollout, when, why, and from what to what; the oldest first."""
    settings = _settings()

    async def read() -> None:
        async with _read(settings) as log:
            fold = log.fold
        last = fold.taken[-limit:]
        rows = [rollout_rows.document(each) for each in last] if as_json else rollout_rows.history_rows(last)
        console.show(rows, as_json=as_json, nothing="No revision yet.")
        if len(last) < len(fold.taken):
            _tell(f"{len(last):,} of {len(fold.taken):,} shown; --limit shows more")
        if fold.lost or fold.unreadable:
            _tell(f"passed over: {len(fold.lost)} that lost a race, {fold.unreadable} that are no revisions")

    asyncio.run(read())


@app.command("explain")
def explain_command(
    character: asking.Character = "pip_boy",
    text: asking.Text = "ok",
    user_id: asking.UserId = None,
    rollout_key: asking.RolloutKey = None,
    language: asking.Language = "en-US",
    voice: asking.ForcedVoice = None,
    as_json: AsJson = False,
) -> None:
    """Explain which voice model a job gets by the rollout's topic, as a worker without a hand brake decides."""
    settings = _settings()
    asked = {"character": character, "text": text, "user_id": user_id, "rollout_key": rollout_key,
             "language": language, "voice": voice}  # fmt: skip

    def show(log: RolloutLog) -> None:
        explanation = asking.explained(settings, current_state(log.fold), asked, Clock().now())
        console.show_one(explanation.as_row(), as_json=as_json)

    asyncio.run(_once(settings, show))


@app.command("set")
def set_command(
    enabled: Annotated[bool | None, typer.Option("--enabled/--disabled", help="Chirp on or off.")] = None,
    percentage: Annotated[str | None, typer.Option(help="Of users, 0 to 100, at most two decimals.")] = None,
    characters: Annotated[
        str | None, typer.Option(help="Who may, with commas; all for all. none or an empty list turns Chirp off.")
    ] = None,
    fallback: Annotated[
        bool | None, typer.Option("--fallback/--no-fallback", help="Whether WaveNet answers when Chirp fails.")
    ] = None,
    actor: ActorOption = None,
    reason: ReasonOption = "",
    yes: Yes = False,
    revision: OnRevision = None,
    as_json: AsJson = False,
) -> None:
    """Set one or more things at once; all else stays as it is."""
    settings = _settings()
    if enabled is None and percentage is None and characters is None and fallback is None:
        raise RolloutRefused("nothing to set: give --enabled, --disabled, --percentage, --characters or --fallback")
    verb = partial(
        changes.set_to,
        enabled=enabled,
        percentage=None if percentage is None else _hundredths(percentage),
        characters=None if characters is None else _characters(settings, characters),
        fallback=fallback,
    )
    _change(settings, verb, _Asked(actor, reason, yes, revision, as_json))


@app.command()
def off(actor: ActorOption = None, reason: ReasonOption = "", as_json: AsJson = False) -> None:
    """Turn Chirp off for everybody, at once and without asking; all else is kept for `set --enabled`."""
    _change(_settings(), changes.turn_off, _Asked(actor, reason, as_json=as_json))


@app.command()
def exclude(
    character: OneCharacter, actor: ActorOption = None, reason: ReasonOption = "", as_json: AsJson = False
) -> None:
    """Take one character out, at once and without asking; without the last listed one Chirp is off."""
    settings = _settings()
    _known(settings, {character}, character)
    _change(settings, partial(changes.exclude, character=character), _Asked(actor, reason, as_json=as_json))


@app.command()
def include(
    character: OneCharacter,
    actor: ActorOption = None,
    reason: ReasonOption = "",
    yes: Yes = False,
    revision: OnRevision = None,
    as_json: AsJson = False,
) -> None:
    """Put one character in: on the list if there is one, neither excluded nor quarantined."""
    settings = _settings()
    _known(settings, {character}, character)
    verb = partial(changes.include, character=character)
    _change(settings, verb, _Asked(actor, reason, yes, revision, as_json))


def _change(settings: Settings, verb: Verb, asked: _Asked) -> None:
    names = catalogue_of(settings).names
    author = Author(asked.actor or _login_name(), asked.reason)

    async def change() -> None:
        async with _read(settings) as log:
            editor = Editor(log, settings.kafka, Clock())
            made = await editor.change(verb, author, partial(_confirm, names, yes=asked.yes), asked.revision)
            if asked.as_json:
                console.show_one(rollout_rows.change_document(made, log.fold.current, names), as_json=True)
            else:
                typer.echo(rollout_rows.told(made, names))

    try:
        asyncio.run(change())
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise RolloutRefused(f"--{first['loc'][0]}: {first['msg']}") from None


def _confirm(catalogue: frozenset[str], change: Change, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise RolloutRefused(
            f"{rollout_rows.why_asked(change)}, and nobody is there to confirm it: say --yes for "
            f"{rollout_rows.told(change, catalogue)}"
        )
    console.show(rollout_rows.change_rows(change, catalogue), as_json=False, to_stderr=True)
    if not typer.confirm(f"{rollout_rows.why_asked(change).capitalize()}. Do it?", err=True):
        _tell("nothing changed")
        raise typer.Exit(_DECLINED)


@asynccontextmanager
async def _read(settings: Settings) -> AsyncIterator[RolloutLog]:
    """The log, read to its end."""
    async with open_log(settings.kafka, Clock()) as log:
        await log.read_to_end()
        yield log


def _settings() -> Settings:
    settings = load_settings()
    if settings.rollout.source != "topic":
        _tell("ROLLOUT_SOURCE is env here: workers that have it so don't follow the rollout's topic")
    return settings


def _hundredths(text: str) -> int:
    try:
        return hundredths(text)
    except ValueError:
        raise RolloutRefused(
            f"--percentage {text!r}: allowed is a number from 0 to 100 with at most two decimals"
        ) from None


def _characters(settings: Settings, text: str) -> frozenset[str] | Literal["all"]:
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    if names == {ALL}:
        return ALL
    if names <= {"none"}:
        return frozenset()
    _known(settings, names, text)
    return names


def _known(settings: Settings, names: Collection[str], text: str) -> None:
    catalogue = catalogue_of(settings).names
    if unknown := sorted(set(names) - catalogue):
        raise RolloutRefused(f"{text!r}: {unknown[0]!r} is unknown; the characters are {', '.join(sorted(catalogue))}")


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # In a container the user may have no name.
        raise RolloutRefused("who are you? Say --actor NAME") from None


def _tell(text: str) -> None:
    sys.stderr.write(f"chirp-worker: {text}\n")
