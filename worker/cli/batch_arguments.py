"""The arguments and options that several commands of `batch` share."""

from pathlib import Path
from typing import Annotated

import typer

Script = Annotated[Path, typer.Argument(metavar="SCRIPT", help="A script in any format (docs/studio.md), or a folder.")]
Manifest = Annotated[Path | None, typer.Option(help="The manifest's path; default: beside the script.")]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse a script with warnings too.")]
Download = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        file_okay=False,
        help="Download the audio to DIR/<character>/<line id>.<ext>, candidates to DIR/takes.",
    ),
]
Budget = Annotated[float | None, typer.Option(min=0, help="Refuse a run that costs more USD at list price.")]
Cap = Annotated[float | None, typer.Option(min=0, help="Stop sending before more USD than these are really spent.")]
Yes = Annotated[bool, typer.Option("--yes", help="Start without a question.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show findings, voices and price; send nothing.")]
