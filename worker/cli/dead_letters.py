"""The dead-letter commands: `dead-letters list|show|stats` and `replay`."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from schemas.enums import PROBLEM_CLASSES, Lane
from schemas.errors import UsageError
from worker.app.tracing import open_tracing
from worker.cli import terminal
from worker.cli.exit_codes import ExitCode
from worker.cli.option_groups import grouped_options
from worker.cli.options import AsJson
from worker.cli.views.dead_letters import json_row, plan_rows, stats_rows, table_row, whole_json, whole_table
from worker.config.sections import KafkaSettings
from worker.config.settings import Settings, load_settings
from worker.kafka.dead_letters.decoder import DeadLetter
from worker.kafka.dead_letters.edit import Edit
from worker.kafka.dead_letters.filter import LetterFilter, check_ids, parse_class, parse_time
from worker.kafka.dead_letters.reader import read_letters
from worker.kafka.dead_letters.replay import Replayer, connect_replayer
from worker.kafka.dead_letters.replay_plan import ReplayPlan, ReplayRequest, plan_replay
from worker.lifecycle.clock import Clock
from worker.lifecycle.signals import ShutdownSignals
from worker.speech.catalogue_file import load_catalogue

_SHOWN_ROWS = 100

app = typer.Typer(no_args_is_help=True, help="Jobs that failed for good; `chirp-worker replay` tries them again.")

Limit = Annotated[int | None, typer.Option(min=1, help="The most letters to replay, oldest first.")]


@dataclass(frozen=True)
class LetterOptions:
    """The options that select letters."""

    character: Annotated[str | None, typer.Option(help="Only letters of this character.")] = None
    failure_class: Annotated[
        str | None, typer.Option("--class", help=f"Only this failure class, one of {', '.join(PROBLEM_CLASSES)}.")
    ] = None
    lane: Annotated[Lane | None, typer.Option(help="Only letters from this lane.")] = None
    since: Annotated[
        str | None, typer.Option(help="Failed at or after an RFC 3339 time, or within the last 30m, 2h, 3d.")
    ] = None
    until: Annotated[str | None, typer.Option(help="Failed before an RFC 3339 time, or more than 30m, 2h, 3d ago.")] = (
        None
    )
    text: Annotated[
        str | None, typer.Option(help="Only letters with this text in the error message; case doesn't matter.")
    ] = None
    replayed: Annotated[
        bool | None,
        typer.Option(
            "--replayed/--not-replayed",
            help="Only letters that were replayed, or only those that were not; default: both.",
        ),
    ] = None


def _filter(options: LetterOptions, ids: tuple[str, ...] = ()) -> LetterFilter:
    now = datetime.now(UTC)
    return LetterFilter(
        character=options.character,
        failure_class=None if options.failure_class is None else parse_class("--class", options.failure_class),
        lane=options.lane,
        since=None if options.since is None else parse_time("--since", options.since, now),
        until=None if options.until is None else parse_time("--until", options.until, now),
        text=options.text,
        ids=ids,
        replayed=options.replayed,
    )


async def _read(settings: KafkaSettings, wanted: LetterFilter, *, values: bool = False) -> list[DeadLetter]:
    with terminal.progress("reading the dead letters") as progress:
        scan = await read_letters(settings, wanted, values=values, progress=progress)
    if scan.unreadable:
        terminal.note(f"skipped {scan.unreadable} offsets with records that can't be read")
    check_ids(scan.letters, wanted.ids)
    return scan.letters


@app.command("list")
@grouped_options
def list_letters(
    selected: LetterOptions,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="The most letters to show, oldest first; default: 100, or all with --json."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first."""
    wanted = _filter(selected)
    letters = asyncio.run(_read(load_settings().kafka, wanted))
    shown = letters[: limit or (None if as_json else _SHOWN_ROWS)]
    row = json_row if as_json else table_row
    terminal.show([row(letter) for letter in shown], as_json=as_json, nothing="No dead letters.")
    if len(shown) < len(letters):
        terminal.note(f"{len(shown):,} of {len(letters):,} shown; --limit shows more")


@app.command()
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="The letter's id, or a unique prefix of it.")],
    as_json: AsJson = False,
) -> None:
    """Show one dead letter in full."""
    wanted = LetterFilter(ids=(letter_id,))
    letters = asyncio.run(_read(load_settings().kafka, wanted, values=True))
    letter = next((each for each in letters if each.id == letter_id), letters[0])
    row = whole_json(letter) if as_json else whole_table(letter)
    terminal.show_one(row, as_json=as_json)


@app.command()
@grouped_options
def stats(
    selected: LetterOptions,
    as_json: AsJson = False,
) -> None:
    """Count dead letters by class, code, lane and character, with the first and the last time."""
    wanted = _filter(selected)
    letters = asyncio.run(_read(load_settings().kafka, wanted))
    terminal.show(stats_rows(letters), as_json=as_json, nothing="No dead letters.")


@grouped_options
def replay(
    selected: LetterOptions,
    ids: Annotated[
        list[str] | None, typer.Option("--id", help="Only this letter, by its id or a unique prefix of it; repeatable.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Replay all letters; required where no filter is given.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be replayed; send nothing.")] = False,
    limit: Limit = None,
    rate: Annotated[float | None, typer.Option(min=0.01, help="The most letters a second.")] = None,
    to_lane: Annotated[
        Lane | None, typer.Option(help="Send the jobs to this lane; default: each letter's own.")
    ] = None,
    edit: Annotated[
        list[str] | None,
        typer.Option(help="Change a field first: field=value, audio.encoding=MP3, or field= to remove it; repeatable."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Include letters that were replayed before.")] = False,
) -> None:
    """Send dead letters back to their lanes, each once. Ctrl-C stops after the current transaction.

    The options from --character to --id select letters. --lane selects by the lane that a letter came from; --to-lane
    sets the lane that the job goes to. An edit that gives an invalid job is refused before anything is sent.
    """
    settings = load_settings()
    wanted = _filter(selected, tuple(ids or ()))
    if not (wanted.narrows or everything or dry_run):
        raise UsageError("no filter given: choose dead letters with a filter or --id, or --all for all of them")
    request = ReplayRequest(
        to_lane=to_lane,
        again=again,
        limit=limit,
        edits=tuple(Edit.parse(each) for each in edit or ()),
        max_text_bytes=settings.worker.max_text_bytes,
        check=load_catalogue(settings.worker.characters_file).admit,
    )
    if dry_run:
        plan = plan_replay(asyncio.run(_read(settings.kafka, wanted, values=True)), request)
        terminal.show(plan_rows(plan), as_json=False)
        terminal.say(f"dry run: nothing sent; left out: {plan.left_out_summary}")
        return
    try:
        asyncio.run(_replay(settings, wanted, request, rate))
    except asyncio.CancelledError:
        # The first signal came before anything was sent, or a second one came.
        raise typer.Exit(ExitCode.INTERRUPTED) from None


async def _replay(settings: Settings, wanted: LetterFilter, request: ReplayRequest, rate: float | None) -> None:
    signals = ShutdownSignals()
    async with open_tracing(settings) as tracing, connect_replayer(settings.kafka, Clock(), tracing.tracer) as replayer:
        plan = plan_replay(await _read(settings.kafka, wanted, values=True), request)
        signals.drain_with(replayer.stop)
        done = await _send(replayer, plan, rate)
    ended = f"ended by a signal, {len(plan.items) - done} not replayed; " if done < len(plan.items) else ""
    terminal.say(f"replayed {done}; {ended}left out: {plan.left_out_summary}")
    if ended:
        raise typer.Exit(ExitCode.INTERRUPTED)


async def _send(replayer: Replayer, plan: ReplayPlan, rate: float | None) -> int:
    with terminal.progress("replaying") as progress:
        return await replayer.replay(plan.items, rate, progress)
