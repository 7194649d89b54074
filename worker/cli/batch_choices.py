"""`batch compare` and `batch choices`: the takes of lines side by side, and which of them is used."""

from pathlib import Path
from typing import Annotated

import typer

from worker.batch.manifest import default_manifest
from worker.cli import terminal
from worker.cli.batch_arguments import Manifest, Script
from worker.cli.options import AsJson
from worker.config.settings import load_settings


def compare(
    script: Script,
    lines: Annotated[list[str], typer.Argument(metavar="LINE...", help="The lines' ids.")],
    manifest: Manifest = None,
    as_json: AsJson = False,
) -> None:
    """Offer the stored takes of lines in the console, side by side; makes none (`batch redo` makes the next one)."""
    from worker.cli.batch_takes import ScriptTakes

    takes = ScriptTakes(load_settings(), script, manifest or default_manifest(script))
    terminal.show(takes.compare(lines), as_json=as_json)


def choices(
    script: Script,
    chosen: Annotated[
        list[str] | None, typer.Argument(metavar="[LINE=TAKE]...", help="Choose these takes; LINE= removes a choice.")
    ] = None,
    manifest: Manifest = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Write what was chosen in the console into the file.")] = False,
    by: Annotated[str | None, typer.Option(help="Fetch the choices of this listener alone.")] = None,
    verdicts: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Write what was chosen in the report's export.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show or set which takes are used, in the file beside the script; the next run uses them."""
    from worker.cli.batch_takes import ScriptTakes

    takes = ScriptTakes(load_settings(), script, manifest or default_manifest(script))
    said = takes.fetch(by) if fetch else []
    said += takes.take_from(verdicts) if verdicts is not None else []
    # Last: what is typed now wins.
    said += takes.choose(chosen) if chosen else []
    for sentence in said:
        terminal.note(sentence)
    terminal.show(takes.rows(), as_json=as_json, nothing="No choices.")
