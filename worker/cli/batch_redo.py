"""`batch redo`: the next take of lines whose reading was rejected."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from schemas.enums import VoiceModel
from worker.batch.manifest import default_manifest
from worker.batch.scripts.model import MOST_TAKES
from worker.cli.batch_arguments import Budget, Cap, Download, DryRun, Manifest, Script, Yes
from worker.cli.batch_options import RedoOptions
from worker.cli.options import AsJson
from worker.config.settings import load_settings


@dataclass(frozen=True)
class SpendOptions:
    """What may be spent, as for the other commands that make audio."""

    manifest: Manifest = None
    budget: Budget = None
    cap: Cap = None
    yes: Yes = False
    download: Download = None
    as_json: AsJson = False


def redo(
    script: Script,
    options: SpendOptions,
    lines: Annotated[list[str] | None, typer.Argument(metavar="[LINE]...", help="The lines' ids.")] = None,
    verdicts: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Redo the lines whose verdict in the report's export is redo.")
    ] = None,
    takes: Annotated[int, typer.Option(min=1, max=MOST_TAKES - 1, help="So many new takes of each line.")] = 1,
    voice_model: Annotated[
        VoiceModel | None, typer.Option(help="The voice model of the new takes; default: that of the line's take.")
    ] = None,
    use: Annotated[bool, typer.Option("--use", help="Choose each new take, the last of several.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Make the next take of lines; all takes are kept, `batch choices` says which one is used. Exits as `run`."""
    from worker.cli.batch_redo_run import Redo

    redo_options = RedoOptions(
        budget=options.budget,
        cap=options.cap,
        yes=options.yes,
        dry_run=dry_run,
        lines=tuple(lines or ()),
        verdicts=verdicts,
        takes=takes,
        voice_model=voice_model,
        use=use,
        download=options.download,
        as_json=options.as_json,
    )
    raise typer.Exit(Redo(load_settings(), script, options.manifest or default_manifest(script), redo_options).run())
