"""The commands about the rollout in `tts.rollout`: read it, explain it, change it by hand."""

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal

import typer
from aiokafka.errors import KafkaError

from schemas.errors import UsageError
from schemas.rollout_status import RolloutStatus
from worker.cli import decision_options as asking
from worker.cli import rollout_run as rollout_plan_cli
from worker.cli import terminal
from worker.cli.rollout_change import (
    ActorOption,
    AsJson,
    ChangeOptions,
    OnRevision,
    ReasonOption,
    Yes,
    change,
    check_known,
    read_log,
    rollout_settings,
    tell,
)
from worker.cli.views.rollout import history_rows, revision_document, status_document, status_row
from worker.cli.views.status import plan_row, tables
from worker.config.parsing import hundredths
from worker.config.settings import Settings
from worker.lifecycle.clock import Clock
from worker.rollout import changes
from worker.rollout.changes import ALL, Verb
from worker.rollout.controller import manual_changes
from worker.rollout.controller.status import last_status
from worker.rollout.log.codec import current_state
from worker.rollout.log.reader import RolloutLog
from worker.rollout.state import RolloutState
from worker.speech.catalogue import load_catalogue

_LAST_CHANGES = 5
_EVERY_S = 1.0

app = typer.Typer(
    no_args_is_help=True,
    help="The rollout that workers with ROLLOUT_SOURCE=topic follow: what it is, why, and changes by hand.",
)

rollout_plan_cli.add_to(app)

OneCharacter = Annotated[str, typer.Argument(metavar="CHARACTER")]


@app.command()
def status(
    watch: Annotated[bool, typer.Option("--watch", help="Show it live; Ctrl-C ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """Who hears Chirp now, what the plan waits for, what its gates say; with --watch a new one each second."""
    settings = rollout_settings()
    show = partial(_show_status, load_catalogue(settings.worker.characters_file).names, as_json=as_json)
    asyncio.run(_watch(settings, show) if watch else _show_once(settings, show))


def _show_status(catalogue: frozenset[str], log: RolloutLog, judged: RolloutStatus | None, *, as_json: bool) -> None:
    now = Clock().now()
    plan_runs = current_state(log.revisions).run is not None
    if as_json:
        document = status_document(log.revisions, catalogue, now, _LAST_CHANGES)
        judged_document = judged.model_dump(mode="json") if judged and plan_runs else None
        terminal.show_one({**document, "judged": judged_document}, as_json=True)
        return
    row = status_row(log.revisions, catalogue, now)
    if plan_runs:
        row |= plan_row(judged, now)
    terminal.show_one(row, as_json=False)
    if judged is not None and plan_runs:
        for title, rows in tables(judged):
            typer.echo(f"\n{title}")
            terminal.show(rows, as_json=False)
    if log.revisions.accepted:
        typer.echo("\nThe last changes")
        terminal.show(history_rows(log.revisions.accepted[-_LAST_CHANGES:]), as_json=False)


Show = Callable[[RolloutLog, RolloutStatus | None], None]


async def _show_once(settings: Settings, show: Show) -> None:
    async with read_log(settings) as log:
        show(log, await last_status(settings.kafka))


async def _watch(settings: Settings, show: Show) -> None:
    live = sys.stdout.isatty()
    while True:
        try:
            async with read_log(settings) as log:
                while True:
                    judged = await last_status(settings.kafka)
                    if live:
                        terminal.clear()
                    show(log, judged)
                    await log.poll(0)
                    await asyncio.sleep(_EVERY_S)
        except KafkaError as error:
            tell(f"Kafka: {type(error).__name__}: {error}; trying again, what is shown may be old")
            await asyncio.sleep(_EVERY_S)


@app.command()
def history(
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the last ones.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Who changed the rollout, when, why, and from what to what; the oldest first."""
    settings = rollout_settings()

    async def read() -> None:
        async with read_log(settings) as log:
            fold = log.revisions
        last = fold.accepted[-limit:]
        rows = [revision_document(each) for each in last] if as_json else history_rows(last)
        terminal.show(rows, as_json=as_json, nothing="No revision yet.")
        if len(last) < len(fold.accepted):
            tell(f"{len(last):,} of {len(fold.accepted):,} shown; --limit shows more")
        if fold.superseded or fold.unreadable:
            tell(f"passed over: {len(fold.superseded)} that lost a race, {fold.unreadable} that are no revisions")

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
    settings = rollout_settings()
    asked = {"character": character, "text": text, "user_id": user_id, "rollout_key": rollout_key,
             "language": language, "voice": voice}  # fmt: skip

    async def read() -> RolloutState:
        async with read_log(settings) as log:
            return current_state(log.revisions)

    explanation = asking.explain_decision(settings, asyncio.run(read()), asked, Clock().now())
    terminal.show_one(explanation.as_row(), as_json=as_json)


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
    settings = rollout_settings()
    if enabled is None and percentage is None and characters is None and fallback is None:
        raise UsageError("nothing to set: give --enabled, --disabled, --percentage, --characters or --fallback")
    verb = partial(
        changes.set_to,
        enabled=enabled,
        percentage=None if percentage is None else _hundredths(percentage),
        characters=None if characters is None else _characters(settings, characters),
        fallback=fallback,
    )
    change(settings, _by_hand(verb), ChangeOptions(actor, reason, yes, revision, as_json))


@app.command()
def off(actor: ActorOption = None, reason: ReasonOption = "", as_json: AsJson = False) -> None:
    """Turn Chirp off for everybody, at once and without asking; all else is kept for `set --enabled`."""
    change(
        rollout_settings(),
        lambda state: manual_changes.turn_off_and_pause(state, Clock().now()),
        ChangeOptions(actor, reason, as_json=as_json),
    )


@app.command()
def exclude(
    character: OneCharacter, actor: ActorOption = None, reason: ReasonOption = "", as_json: AsJson = False
) -> None:
    """Take one character out, at once and without asking; without the last listed one Chirp is off."""
    settings = rollout_settings()
    check_known(settings, {character}, character)
    change(
        settings, _by_hand(partial(changes.exclude, character=character)), ChangeOptions(actor, reason, as_json=as_json)
    )


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
    settings = rollout_settings()
    check_known(settings, {character}, character)

    def verb(state: RolloutState) -> RolloutState:
        return changes.include(state, character, Clock().now())

    change(settings, verb, ChangeOptions(actor, reason, yes, revision, as_json))


def _by_hand(verb: Verb) -> Verb:
    def by_hand(state: RolloutState) -> RolloutState:
        return manual_changes.pause_on_manual_change(state, verb(state), Clock().now())

    return by_hand


def _hundredths(text: str) -> int:
    try:
        return hundredths(text)
    except ValueError:
        raise UsageError(
            f"--percentage {text!r}: allowed is a number from 0 to 100 with at most two decimals"
        ) from None


def _characters(settings: Settings, text: str) -> frozenset[str] | Literal["all"]:
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    if names == {ALL}:
        return ALL
    if names <= {"none"}:
        return frozenset()
    check_known(settings, names, text)
    return names
