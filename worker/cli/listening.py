"""The commands of the listening room: `listening make|add|remove|results`."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from schemas.errors import UsageError
from worker.cli import terminal
from worker.cli.exit_codes import ExitCode
from worker.cli.options import AsJson
from worker.config.settings import load_settings
from worker.speech.catalogue_file import load_catalogue

_SOURCE: Final = "/cli/listening"
_CONNECTIONS: Final = 32

app = typer.Typer(no_args_is_help=True, help="Blind pairs of takes in both voice models, and listeners' votes on them.")


@app.command()
def make(
    script: Annotated[
        Path | None, typer.Argument(help="A script with the lines; without one, the latest lines of the lanes.")
    ] = None,
    character: Annotated[
        list[str] | None, typer.Option(help="A character to be heard; again for several. Default: all.")
    ] = None,
    lines: Annotated[int, typer.Option(min=1, max=100, help="Lines of each character.")] = 20,
    cap: Annotated[float, typer.Option(min=0, help="Refuse pairs that cost more USD at list price.")] = 1.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the price; make nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Make them without a question.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make blind pairs in the batch lane. What is stored is not paid for. Exits 2 where they cost more than --cap."""
    from worker.cli.listening_make import MakeOptions, PairsCommand

    settings = load_settings()
    names = load_catalogue(settings.worker.characters_file).names
    options = MakeOptions(script, tuple(character or sorted(names)), lines, cap, as_json)
    command = PairsCommand(settings, options)
    plan = asyncio.run(command.plan())
    if dry_run:
        return
    if plan.price.lines and not yes and not _confirmed(len(plan.pairs)):
        raise typer.Exit(ExitCode.FAILED)
    sent = asyncio.run(command.make(plan))
    terminal.note(f"{len(plan.pairs):,} pairs, {sent:,} jobs sent; listeners get each pair once both takes are stored")


def _confirmed(pairs: int) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("nobody can confirm the price: use --yes to accept it, or --dry-run to see it only")
    return typer.confirm(f"Make {pairs:,} pairs?", err=True)


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="JSON Lines: character, line, text, language, chirp, wavenet.")],
) -> None:
    """Offer stored takes as blind pairs; makes nothing."""
    from worker.listening.pairs_file import parse_pairs

    try:
        written = parse_pairs(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{file}: can't be read: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{file}: {error}") from None
    settings = load_settings()

    async def publish() -> None:
        from worker.lifecycle.clock import Clock
        from worker.listening.pair_topic import publish_pairs
        from worker.listening.written_pairs import pairs_of_stored
        from worker.storage.client import connect_store

        async with connect_store(settings.storage, _CONNECTIONS) as store:
            pairs = await pairs_of_stored(written, store.look_up, time=Clock().now(), source=_SOURCE)
        await publish_pairs(settings.kafka, pairs)

    asyncio.run(publish())
    terminal.say(f"{len(written):,} pairs")


@app.command()
def remove(
    character: Annotated[list[str] | None, typer.Option(help="Of this character; again for several.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Of all characters.")] = False,
    takes: Annotated[bool, typer.Option("--takes", help="The readings of lines instead of the blind pairs.")] = False,
) -> None:
    """Take pairs away from the listeners. Votes that were cast, and the takes, stay."""
    if bool(character) == everything:
        raise UsageError("say which pairs: --character, or --all")
    from worker.cli.listening_topics import read_pairs
    from worker.listening.pair_topic import remove_pairs

    settings = load_settings()
    pairs = [each for each in asyncio.run(read_pairs(settings.kafka)) if each.compares_models is not takes]
    gone = [each.pair_id for each in pairs if everything or each.character in (character or ())]
    asyncio.run(remove_pairs(settings.kafka, gone))
    terminal.say(f"{len(gone):,} pairs")


@app.command()
def results(
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    picture: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the picture too, as SVG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the votes have shown of each character: shares, the test's lower bound, verdict."""
    from worker.cli.listening_topics import read_pairs, read_votes, running_criterion
    from worker.listening.picture import draw_results
    from worker.listening.results import result_rows, results_of, to_csv
    from worker.rollout.analysis.preferences import Votes

    settings = load_settings()
    criterion = asyncio.run(running_criterion(settings))
    pairs = asyncio.run(read_pairs(settings.kafka))
    votes = Votes()
    for each in asyncio.run(read_votes(settings.kafka)):
        votes.add(each)
    found = results_of(votes, {each.character for each in pairs if each.compares_models}, criterion)
    if as_csv:
        terminal.say(to_csv(found, criterion), newline=False)
    else:
        terminal.show(result_rows(found, criterion), as_json=as_json, nothing="No pairs and no votes yet.")
    if picture is not None:
        picture.write_text(draw_results([each for each in found if each.votes], criterion), encoding="utf-8")
