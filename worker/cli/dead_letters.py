"""The commands about dead letters: `dead-letters list|show|stats` and `replay`."""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from schemas.errors import UsageError
from schemas.words import Lane
from worker.cli import terminal
from worker.cli.views.dead_letters import json_row, plan_rows, stats_rows, table_row, whole_json, whole_table
from worker.config.sections import KafkaSettings
from worker.config.settings import Settings, load_settings
from worker.kafka.dead_letters.edit import Edit
from worker.kafka.dead_letters.filter import LetterFilter, check_ids, parse_time
from worker.kafka.dead_letters.letter import Letter
from worker.kafka.dead_letters.reader import read_letters
from worker.kafka.dead_letters.replay import Replayer, connect_replayer
from worker.kafka.dead_letters.replay_plan import ReplayPlan, ReplayRequest, plan_replay
from worker.lifecycle.clock import Clock
from worker.lifecycle.signals import ShutdownSignals
from worker.speech.catalogue import load_catalogue

INTERRUPTED = 130
_SHOWN_ROWS = 100

app = typer.Typer(no_args_is_help=True, help="The jobs that couldn't be done; `chirp-worker replay` tries them again.")

Character = Annotated[str | None, typer.Option(help="Of this character.")]
Class = Annotated[
    str | None, typer.Option("--class", help="Of this failure class: bad_input, invalid, transient, timeout, …")
]
OfLane = Annotated[Lane | None, typer.Option(help="From this lane.")]
Since = Annotated[str | None, typer.Option(help="Dead since an RFC 3339 time, or for no longer than 30m, 2h, 3d.")]
Until = Annotated[str | None, typer.Option(help="Dead before an RFC 3339 time, or for longer than 30m, 2h, 3d.")]
Text = Annotated[str | None, typer.Option(help="With this in the error's message; case doesn't matter.")]
Replayed = Annotated[
    bool | None, typer.Option("--replayed/--not-replayed", help="Only those that were, or weren't; default both.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many, the oldest first.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def _filter(
    character: str | None,
    failure_class: str | None,
    lane: Lane | None,
    since: str | None,
    until: str | None,
    text: str | None,
    replayed: bool | None,
    ids: tuple[str, ...] = (),
) -> LetterFilter:
    now = datetime.now(UTC)
    return LetterFilter(
        character=character,
        failure_class=failure_class,
        lane=lane,
        since=None if since is None else parse_time("--since", since, now),
        until=None if until is None else parse_time("--until", until, now),
        text=text,
        ids=ids,
        replayed=replayed,
    )


async def _read(settings: KafkaSettings, wanted: LetterFilter, *, values: bool = False) -> list[Letter]:
    with terminal.progress("reading the dead letters") as progress:
        reading = await read_letters(settings, wanted, values=values, progress=progress)
    if reading.unreadable:
        sys.stderr.write(f"chirp-worker: passed over {reading.unreadable} offsets whose records can't be read\n")
    check_ids(reading.letters, wanted.ids)
    return reading.letters


@app.command("list")
def list_letters(
    character: Character = None,
    failure_class: Class = None,
    lane: OfLane = None,
    since: Since = None,
    until: Until = None,
    text: Text = None,
    replayed: Replayed = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many, the oldest first; default 100, all with --json.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The dead letters, oldest first."""
    wanted = _filter(character, failure_class, lane, since, until, text, replayed)
    letters = asyncio.run(_read(load_settings().kafka, wanted))
    shown = letters[: limit or (None if as_json else _SHOWN_ROWS)]
    row = json_row if as_json else table_row
    terminal.show([row(letter) for letter in shown], as_json=as_json, nothing="No dead letters.")
    if len(shown) < len(letters):
        sys.stderr.write(f"chirp-worker: {len(shown):,} of {len(letters):,} shown; --limit shows more\n")


@app.command()
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or as much of it as is unique.")],
    as_json: AsJson = False,
) -> None:
    """Everything about one dead letter."""
    wanted = LetterFilter(ids=(letter_id,))
    letters = asyncio.run(_read(load_settings().kafka, wanted, values=True))
    letter = next((each for each in letters if each.id == letter_id), letters[0])
    row = whole_json(letter) if as_json else whole_table(letter)
    terminal.show_one(row, as_json=as_json)


@app.command()
def stats(
    character: Character = None,
    failure_class: Class = None,
    lane: OfLane = None,
    since: Since = None,
    until: Until = None,
    text: Text = None,
    replayed: Replayed = None,
    as_json: AsJson = False,
) -> None:
    """How many there are by class, code, lane and character, with the times of the first and the last."""
    wanted = _filter(character, failure_class, lane, since, until, text, replayed)
    letters = asyncio.run(_read(load_settings().kafka, wanted))
    terminal.show(stats_rows(letters), as_json=as_json, nothing="No dead letters.")


def replay(
    character: Character = None,
    failure_class: Class = None,
    lane: OfLane = None,
    since: Since = None,
    until: Until = None,
    text: Text = None,
    replayed: Replayed = None,
    ids: Annotated[
        list[str] | None, typer.Option("--id", help="This one, by its id or a unique beginning; repeatable.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Needed where nothing else chooses letters.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be replayed; send nothing.")] = False,
    limit: Limit = None,
    rate: Annotated[float | None, typer.Option(min=0.01, help="At most so many a second.")] = None,
    to_lane: Annotated[Lane | None, typer.Option(help="Put them into this lane; default: the one they are of.")] = None,
    edit: Annotated[
        list[str] | None,
        typer.Option(help="field=value for what was wrong, audio.encoding=MP3, field= to remove it; repeatable."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Those too that were replayed before.")] = False,
) -> None:
    """Put dead letters back into their lanes, each once; Ctrl-C ends it with nothing half done.

    The options from --character to --id choose among the letters: --lane those from a lane, while --to-lane says
    where they go. An edit that makes no valid job is refused before anything is sent.
    """
    settings = load_settings()
    wanted = _filter(character, failure_class, lane, since, until, text, replayed, tuple(ids or ()))
    if not (wanted.narrows or everything or dry_run):
        raise UsageError("nothing chooses among the dead letters: give a filter or --id, or --all for all of them")
    edits = tuple(Edit.parse(each) for each in edit or ())
    wish = ReplayRequest(
        to_lane,
        again,
        limit,
        edits,
        settings.worker.max_text_bytes,
        load_catalogue(settings.worker.characters_file).admit,
    )
    if dry_run:
        plan = plan_replay(asyncio.run(_read(settings.kafka, wanted, values=True)), wish)
        terminal.show(plan_rows(plan), as_json=False)
        typer.echo(f"dry run: nothing sent; left out: {plan.left_out}")
        return
    try:
        asyncio.run(_replay(settings, wanted, wish, rate))
    except asyncio.CancelledError:
        # Asked to end while nothing was sent yet, or asked twice.
        raise typer.Exit(INTERRUPTED) from None


async def _replay(settings: Settings, wanted: LetterFilter, wish: ReplayRequest, rate: float | None) -> None:
    stopping = ShutdownSignals()
    async with connect_replayer(settings.kafka, Clock()) as replayer:
        plan = plan_replay(await _read(settings.kafka, wanted, values=True), wish)
        stopping.drain_with(replayer.stop)
        done = await _send(replayer, plan, rate)
    ended = f"ended by a signal, {len(plan.items) - done} not replayed; " if done < len(plan.items) else ""
    typer.echo(f"replayed {done}; {ended}left out: {plan.left_out}")
    if ended:
        raise typer.Exit(INTERRUPTED)


async def _send(replayer: Replayer, plan: ReplayPlan, rate: float | None) -> int:
    with terminal.progress("replaying") as progress:
        return await replayer.replay(plan.items, rate, progress)
